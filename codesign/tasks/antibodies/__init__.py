"""Antibodies and the antigens they neutralise."""
