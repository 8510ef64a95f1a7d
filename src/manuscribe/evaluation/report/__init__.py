"""What is written of an evaluation: tables for people, a record for programs, a page to look at."""
