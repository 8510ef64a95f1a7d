"""Figures that the card of a model claims: measured again, with a verdict and what would explain a difference."""
