"""Error rates and what compares readings with the truth."""
