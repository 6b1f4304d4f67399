"""Formats of runs, one file each."""
