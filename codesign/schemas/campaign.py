"""Closed-loop searches on the virtual laboratory."""

import pyarrow as pa

from codesign.schemas.conditions import CONDITIONS
from codesign.schemas.fields import field

CAMPAIGN = pa.schema(
    [
        field("strategy", pa.string(), "", "bayesian | random | name of another optimiser"),
        field("repeat", pa.int32(), "", "repeat, one hidden landscape each"),
        field("evaluation", pa.int32(), "", "devices made so far, from 1"),
        *CONDITIONS,
        field("usability_measured", pa.float64(), "", "extracted from the virtual device; null if none"),
        field("usability_hidden", pa.float64(), "", "the landscape's own value there"),
        field("best_hidden", pa.float64(), "", "largest usability_hidden so far"),
        field("optimum", pa.float64(), "", "largest usability on the whole landscape"),
    ]
)
"""One closed-loop search on the virtual laboratory, a row a device made."""
