"""Gaussian process and acquisition: what the search for devices and the search for noise share."""
