"""Quantities of evidence, one file each."""
