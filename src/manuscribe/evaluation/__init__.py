"""Error rates and what compares readings with the truth, from counts of errors to reports."""
