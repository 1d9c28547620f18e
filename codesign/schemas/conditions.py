"""The paper's five fabrication variables, as every table that has them writes them."""

import pyarrow as pa

from codesign.schemas.fields import field

CONDITIONS = [
    field("perovskite", pa.string(), "", "halide perovskite, e.g. MAPbI3"),
    field("length_um", pa.float64(), "um", "nanowire length"),
    field("diameter_nm", pa.float64(), "nm", "nanowire (pore) diameter"),
    field("pb_min", pa.float64(), "min", "Pb electrodeposition time"),
    field("ag_nm", pa.float64(), "nm", "Ag electrode thickness"),
]

CONDITION_COLUMNS = tuple(field.name for field in CONDITIONS)
"""The paper's five fabrication variables, in the order every table uses."""
