"""Which code a job reaches, and which job made a file: bookkeeping that no result rests on."""
