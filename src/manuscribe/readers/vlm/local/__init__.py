"""Vision-language checkpoints computed here, with PyTorch."""
