"""Glycans and the kingdoms of life they come from."""
