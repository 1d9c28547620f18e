"""The virtual laboratory: hidden landscapes, synthetic devices, their sweeps."""
