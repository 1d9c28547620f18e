"""What the rules of rules/devices.smk ask of the configuration and of each other."""


def device_rows(wildcards):
    """One extracted row a device, in name order."""
    return expand(
        "results/{lab}devices/{device}.parquet", lab=wildcards.lab, device=devices_of(wildcards.lab)
    )
