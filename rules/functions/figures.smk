"""What the rules of rules/figures.smk ask of the configuration and of each other."""


def device_figures():
    """One figure a device."""
    return expand("results/{lab}figures/devices/{device}.pdf", lab=LAB, device=DEVICES[LAB])
