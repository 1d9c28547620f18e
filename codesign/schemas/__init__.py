"""Columns, dtypes and units of the tables, one module a stage."""
