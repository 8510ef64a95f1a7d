"""Training of our own networks: recipes, the loop, checkpoints, export."""
