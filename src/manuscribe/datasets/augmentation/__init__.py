"""Variation of line images, so that a reader sees more pens, papers and cameras than it was given."""
