"""Ground truth as others publish it, brought into one form."""
