"""What the rules of rules/figures.smk ask of the configuration and of each other."""

from dataclasses import dataclass

FIGURES_A_JOB = 16  # of single devices


@dataclass(frozen=True)
class Figures:
    """Figures that one process draws."""

    lab: str
    chunk: str
    devices: list

    @property
    def rule(self):
        """Name of the rule; one a chunk of devices."""
        name = "draw_virtual_devices" if self.lab else "draw_devices"
        return name if self.chunk == WHOLE else f"{name}_{self.chunk}"

    @property
    def message(self):
        """What Snakemake says of the job."""
        others = len(self.devices) - 1
        return f"Draw {self.devices[0]}" + (f" and {others} more" if others else "")

    @property
    def log(self):
        """Of the job."""
        return f"results/logs/draw_devices/{self.lab}{self.chunk}.log"

    @property
    def sweeps(self):
        """Their canonical files."""
        return [canonical_file(self.lab, device) for device in self.devices]

    @property
    def rows(self):
        """What was extracted from each."""
        return [f"results/{self.lab}devices/{device}.parquet" for device in self.devices]

    @property
    def variables(self):
        """What their laboratory varies."""
        return fabrication_of_lab(self.lab)["variables"]

    def of(self, kind):
        """The figures themselves."""
        return [f"results/{self.lab}figures/devices/{device}.{kind}" for device in self.devices]

    def sweeps_digest(self, wildcards):
        """Digest of the contents of `sweeps`; see `sweeps_digest` of one device."""
        return content_digest(self.sweeps)


def figures_together():
    """Every device's figure, some a job; a new device joins one job and leaves the others alone."""
    return [
        Figures(lab, chunk, devices)
        for lab, all_devices in DEVICES.items()
        for chunk, devices in chunks(all_devices, devices_per_job=FIGURES_A_JOB).items()
    ]


def device_figures():
    """One figure a device."""
    return expand("results/{lab}figures/devices/{device}.pdf", lab=LAB, device=DEVICES[LAB])
