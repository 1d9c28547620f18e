"""Certificates summarised over examples."""

import pyarrow as pa

from codesign.schemas.certificates import CERTIFICATES
from codesign.schemas.fields import field

CERTIFICATE_SUMMARY = pa.schema(
    [
        *(
            CERTIFICATES.field(n)
            for n in CERTIFICATES.names
            if n not in ("example", "successes", "probability", "value")
        ),
        field("n", pa.int32(), "", "examples"),
        field("share", pa.float64(), "", "of examples whose certificate is not vacuous; null for accuracy"),
        field("estimate", pa.float64(), "", "mean of probability: bounds of the examples, or mean accuracy"),
        field("median", pa.float64(), "", "value, median over examples"),
        field("largest", pa.float64(), "", "value, largest over examples"),
    ]
)
"""Examples summarised: vacuous where it is so for every one of them."""
