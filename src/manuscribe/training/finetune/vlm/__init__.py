"""Vision-language checkpoints as pupils."""
