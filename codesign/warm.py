"""Jobs that start warm."""
