"""What runs a network; engines know nothing of readers."""
