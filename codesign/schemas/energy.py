"""Energy of a multiply-accumulate."""

import pyarrow as pa

from codesign.schemas.fields import field

ENERGY = pa.schema(
    [
        field("evidence", pa.string(), "", "simulated | measured: the programmed conductances"),
        field("design", pa.string(), "", "arrays that multiply"),
        field("coding", pa.string(), "", "amplitude | serial"),
        field("cells", pa.int32(), "", "cells that multiply"),
        field("conductance_s", pa.float64(), "S", "mean conductance of a cell"),
        field("read_voltage_v", pa.float64(), "V", "largest voltage of a row"),
        field("pulse_s", pa.float64(), "s", "length of a read pulse"),
        field("component", pa.string(), "", "array | dac | sense | adc | digital"),
        field("energy_j", pa.float64(), "J", "of one multiply-accumulate, this component's share"),
        field("array_gops_per_w", pa.float64(), "GOPS/W", "counting the array alone"),
        field("gops_per_w", pa.float64(), "GOPS/W", "counting every component"),
    ]
)
"""Energy of one multiply-accumulate, a row a design and component."""
