"""Make the devices of the virtual laboratory."""

from pathlib import Path

from codesign.iv.measurement import write_measurement
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.virtual_lab.devices import virtual_measurements
from codesign.virtual_lab.sweeps import VirtualLab


def main(*, sweeps: list[Path], virtual_lab: dict, space: dict, start: dict, seed: int) -> None:
    """Write one canonical measurement a device, named by the file."""
    sweep_settings = {k: v for k, v in virtual_lab.items() if k not in ("devices", "landscape")}
    made = virtual_measurements(
        [path.stem for path in sweeps],
        space=space,
        start=start,
        lab=VirtualLab(**sweep_settings),
        landscape=virtual_lab["landscape"],
        seed=seed,
    )
    for path, measurement in zip(sweeps, made, strict=True):
        write_measurement(measurement, path)
        hidden = measurement.metadata.extra["hidden"]
        print(f"{path.stem}: hidden usability {hidden['usability']:.3f}")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            sweeps=[Path(path) for path in snakemake.output.sweeps],
            virtual_lab=snakemake.params.virtual_lab,
            space=snakemake.params.space,
            start=snakemake.params.start,
            seed=snakemake.params.seed,
        )
