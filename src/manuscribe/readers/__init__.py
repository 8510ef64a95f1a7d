"""Readers turn line images into text."""
