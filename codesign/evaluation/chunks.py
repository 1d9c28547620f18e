"""Which devices one evaluation job takes: stable when devices come and go."""

import hashlib
from collections.abc import Iterable


def chunks(devices: Iterable[str], *, devices_per_job: int) -> dict[str, list[str]]:
    """Devices by chunk; a new device joins one chunk and leaves the others alone.

    The number of chunks is the power of two that keeps them at about `devices_per_job`, so
    it changes only when the number of devices doubles; a device's chunk depends on its name
    and on that number.

    Args:
        devices: Device ids.
        devices_per_job: About how many one job takes, at least 1.

    Returns:
        Chunk name, e.g. `2-of-4`, to devices in name order; empty chunks are left out.

    Raises:
        ValueError: `devices_per_job` is below 1.
    """
    if devices_per_job < 1:
        raise ValueError(f"devices_per_job must be at least 1, got {devices_per_job}")
    devices = sorted(devices)
    count = 1
    while count * devices_per_job < len(devices):
        count *= 2
    found: dict[str, list[str]] = {}
    for device in devices:
        place = int.from_bytes(hashlib.sha256(device.encode()).digest()[:8], "big") % count
        found.setdefault(f"{place + 1}-of-{count}", []).append(device)
    return dict(sorted(found.items()))
