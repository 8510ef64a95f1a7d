"""Finding lines and their reading order on a page."""
