"""From a measurement to a device row: conductance, LCIS, spread, usability."""
