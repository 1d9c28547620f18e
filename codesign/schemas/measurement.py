"""Sweeps of one measured device."""

import pyarrow as pa

from codesign.schemas.fields import field

SWEEPS = pa.schema(
    [
        field("cycle", pa.int32(), "", "cycle number as the instrument counted it"),
        field("point", pa.int32(), "", "position in the sweep, from 0"),
        field("voltage", pa.float64(), "V", "applied voltage, finite"),
        field("current", pa.float64(), "A", "measured current; NaN where not recorded"),
    ]
)
"""One measured device: cycles of one sweep, rows ordered by (cycle, point)."""
