"""Readings of how good a device is: what figures call them, in the order they are listed."""

TITLES = {
    "fidelity": "F = E cos(w, ŵ)",
    "usability": "U = η exp(−σ_U)",
    "reference": "U of the reference code",
    "spread": "exp(−σ_U)",
    "spread-mle": "exp(−σ̂)",
    "spread-robust": "exp(−robust σ)",
    "robust": "η exp(−robust σ)",
    "eta": "η",
}
"""Name to title of a reading; what it is of a device: `codesign.evaluation.readings`."""

PROMINENT = ("fidelity", "usability")
"""Readings that are compared on the networks of every method; the others on that of the first."""
