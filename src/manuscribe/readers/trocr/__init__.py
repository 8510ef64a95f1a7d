"""TrOCR checkpoints: loading, the network, decoding."""
