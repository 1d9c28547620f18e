"""Which devices one job takes: stable when devices come and go."""

import hashlib
from collections.abc import Iterable

WHOLE = "all"
"""Name of the chunk that holds every device."""


def chunks(devices: Iterable[str], *, devices_per_job: int) -> dict[str, list[str]]:
    """Devices by chunk; a new device joins one chunk and leaves the others alone.

    A chunk holds the devices whose digest begins with its name, a string of bits. One that
    would grow beyond `devices_per_job` is divided by the next bit, and no other with it:
    whatever the number of devices, a new one changes its own chunk or divides it. Chunks are
    about 0.7 full on average.

    Args:
        devices: Device ids.
        devices_per_job: Most devices that one job takes, at least 1.

    Returns:
        Chunk name, e.g. `0110` or `all`, to devices in name order; empty chunks are left out.

    Raises:
        ValueError: `devices_per_job` is below 1.

    Source:
        Fagin, Nievergelt, Pippenger, Strong (1979), Extendible hashing, ACM TODS 4, 315.
    """
    if devices_per_job < 1:
        raise ValueError(f"devices_per_job must be at least 1, got {devices_per_job}")
    waiting = [("", sorted((_bits(device), device) for device in set(devices)))]
    found: dict[str, list[str]] = {}
    while waiting:
        prefix, members = waiting.pop()
        if len(members) > devices_per_job:
            place = len(prefix)
            waiting += [
                (prefix + bit, [member for member in members if member[0][place] == bit]) for bit in "01"
            ]
        elif members:
            found[prefix or WHOLE] = sorted(device for _, device in members)
    return dict(sorted(found.items()))


def _bits(device: str) -> str:
    """The 256 bits of a device id's digest."""
    return f"{int.from_bytes(hashlib.sha256(device.encode()).digest(), 'big'):0256b}"
