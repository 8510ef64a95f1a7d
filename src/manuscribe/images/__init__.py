"""Opening image files safely, cutting lines out of pages."""
