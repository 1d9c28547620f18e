"""The crossbar: mapping, write-verify, drivers (simulated, Analog Discovery 2), energy."""
