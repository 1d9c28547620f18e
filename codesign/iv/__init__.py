"""What a measurement is: schema, importers, checks, virtual laboratory."""
