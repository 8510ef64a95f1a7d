"""From image files to documents: one page, or a whole batch that survives its bad pages."""
