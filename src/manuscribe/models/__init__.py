"""Models, their cards, and the weights inside the package."""
