"""Pages of the report: rows in, HTML out; every cell is escaped, nothing is loaded from elsewhere."""
