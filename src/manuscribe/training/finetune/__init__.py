"""Teaching a TrOCR checkpoint a hand, a domain or a script, in stages."""
