"""What a search for the next device models and seeks: a reading of how good a device is."""

SYMBOLS = {"usability": "U", "fidelity": "F"}
"""Name of a reading, which is a column of the usability table, to its symbol."""
