"""A small embedding service: texts in, unit vectors out."""
