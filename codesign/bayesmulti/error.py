"""What goes wrong with a training method or its noise."""


class NoiseError(ValueError):
    """A noise or its place is not possible; the message names the value and the remedy."""
