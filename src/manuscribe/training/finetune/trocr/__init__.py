"""TrOCR checkpoints as pupils."""
