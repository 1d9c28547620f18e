"""One training loop for every method, and weights on disk."""
