"""Which device to make next: search space, encodings, surrogate, acquisition, campaign."""
