"""A device as a noise model of other people's simulators."""
