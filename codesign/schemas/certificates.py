"""What is promised of a network."""

import pyarrow as pa

from codesign.schemas.fields import field

CERTIFICATES = pa.schema(
    [
        field("experiment", pa.string(), "", "experiment"),
        field("method", pa.string(), "", "training method"),
        field("network", pa.string(), "", "network"),
        field("aim", pa.string(), "", "what the network was chosen for: panel | a level of it"),
        field("certificate", pa.string(), "", "published | discrete | smoothing | programming | accuracy"),
        field("profile", pa.string(), "", "profile programmed on; null where it is about no device"),
        field("usability", pa.float64(), "", "usability of the profile"),
        field("scope", pa.string(), "", "one (this example) | all (all examples at once) | mean"),
        field("example", pa.int32(), "", "number of the test example; null for accuracy"),
        field("p_zero", pa.float64(), "", "of the multinomial noise smoothed with, least of all layers"),
        field("p_half", pa.float64(), "", "of the multinomial noise smoothed with, largest of all layers"),
        field("width", pa.float64(), "", "of the log-normal noise smoothed with"),
        field("successes", pa.int32(), "", "draws with the correct decision; null for accuracy"),
        field("draws", pa.int32(), "", "draws of the noise, or programmings"),
        field("confidence", pa.float64(), "", "of the scope's statement; 1 where nothing is random"),
        field("probability", pa.float64(), "", "lower bound of P(correct); for accuracy the estimate"),
        field("value", pa.float64(), "", "weights (published, discrete), radius, probability or accuracy"),
        field("ceiling", pa.float64(), "", "value of a network that decides correctly in every draw"),
        field("vacuous", pa.bool_(), "", "promises nothing"),
        field("changed", pa.float64(), "", "weights a programming changes, median"),
        field("distance", pa.float64(), "", "||ln(programmed / clean)||_2 of a programming, median"),
    ]
)
"""What is promised of one network: a row a certificate, profile, scope and example."""
