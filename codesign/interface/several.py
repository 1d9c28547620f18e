"""A network on several devices: which they are, and how it held on each, the best device first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codesign.interface.device import DeviceError, Subject, is_by_id, subject_of
from codesign.iv.names import is_raw_file
from codesign.nonideality.profile import DeviceProfile
from codesign.schemas.holding import HELD

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from codesign.interface.holding import Held
    from codesign.iv.measurement import Measurement

CANONICAL = ".parquet"


@dataclass(frozen=True, eq=False)
class HeldOnDevices:
    """How a network held on several devices: `print` it, look at `table`, draw `figure()`, go through it."""

    devices: Sequence["Held"]
    """On each, the highest fidelity first, then by name."""
    left_out: Sequence[str] = ()
    """Files of the folder that are no usable device, each with the reason."""

    @property
    def rows(self) -> list[dict]:
        """Rows of `codesign.schemas.holding.HELD` of all devices, a programming and calibration each."""
        return [row for held in self.devices for row in held.rows]

    @property
    def table(self) -> "pandas.DataFrame":
        """The same with the columns of `Held.table`; `profile` says which device."""
        import pandas

        return pandas.DataFrame(self.rows, columns=HELD.names)

    def figure(self) -> "Figure":
        """Scores of all programmings, a line a device (a Matplotlib figure)."""
        from codesign.figures.holding_devices import draw_holding_devices

        return draw_holding_devices(self.devices).figure

    def __iter__(self) -> Iterator["Held"]:
        return iter(self.devices)

    def __len__(self) -> int:
        return len(self.devices)

    def __getitem__(self, name: str) -> "Held":
        """On the device of this name.

        Raises:
            KeyError: There is none.
        """
        for held in self.devices:
            if held.profile.profile == name:
                return held
        raise KeyError(f"no device {name!r}; there are {', '.join(h.profile.profile for h in self.devices)}")

    def __str__(self) -> str:
        from codesign.interface.saying import said_of_devices

        return said_of_devices(self)


def best_first(held: Sequence["Held"]) -> list["Held"]:
    """By fidelity, the highest first, then by name; devices without one last."""

    def key(each: "Held") -> tuple:
        fidelity = each.profile.fidelity
        return fidelity is None, -(fidelity or 0.0), each.profile.profile

    return sorted(held, key=key)


def folder_of(device: object, *, results: Path | str | None) -> Path | None:
    """The folder that a caller names in place of a device; None where it is none, or a device of results."""
    if isinstance(device, Path) and device.is_dir():
        return device
    if isinstance(device, str) and Path(device).is_dir() and not is_by_id(device, results=results):
        return Path(device)
    return None


def subjects_of(
    devices: "Path | Sequence[DeviceProfile | Measurement | Path | str]",
    *,
    results: Path | str | None,
    config: Path | str | None,
) -> tuple[list[Subject], list[str]]:
    """The profiles of several devices, and of a folder the files without one, each with the reason.

    Args:
        devices: A folder, whose instrument files and `.parquet` are taken, not those of folders in it; or
            devices as `subject_of` takes them, none of which may be unusable.
        results: As in `subject_of`.
        config: As in `subject_of`.

    Raises:
        DeviceError: A device that is named is unusable, no file of the folder is usable, or two devices have
            one name, or measured and virtual ones meet.
    """
    given = _files(devices) if isinstance(devices, Path) else list(devices)
    if not given:
        raise DeviceError(
            f"{devices} holds no instrument file and no {CANONICAL}; name another folder"
            if isinstance(devices, Path)
            else "no device is given; name one at least"
        )
    found: dict[str, Subject] = {}
    left_out = []
    for device in given:
        try:
            subject = subject_of(device, results=results, config=config)
            name = subject.profile.profile
            if name in found:
                raise DeviceError(f"two devices are called {name}; rename one, or leave one out")
        except DeviceError as error:
            if not isinstance(devices, Path):
                raise
            said = str(error)
            left_out.append(said if Path(device).name in said else f"{Path(device).name}: {said}")
        else:
            found[name] = subject
    if not found:
        raise DeviceError(f"no file of {devices} is a usable device: {'; '.join(left_out)}")
    if len({subject.profile.origin for subject in found.values()}) > 1:
        raise DeviceError("measured and virtual devices never share a table: ask for each by itself")
    return list(found.values()), left_out


def _files(folder: Path) -> list[Path]:
    """Files of a folder that may be devices, in name order."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and (is_raw_file(path.name) or (path.suffix == CANONICAL and not path.name.startswith(".")))
    )
