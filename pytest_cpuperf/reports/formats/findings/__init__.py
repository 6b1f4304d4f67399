"""Formats of static findings, one file each; a file is called as its format is."""
