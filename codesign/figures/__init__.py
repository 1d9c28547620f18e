"""Figures: table in, Figure out; plotting only, no computing."""
