"""Device profiles."""

import pyarrow as pa

from codesign.schemas.fields import field

PROFILE = pa.schema(
    [
        field("profile", pa.string(), "", "device id, or synthetic-<level>"),
        field("kind", pa.string(), "", "device | synthetic"),
        field("origin", pa.string(), "", "measured | virtual: the devices it rests on"),
        field("level", pa.float64(), "", "level of U or F it stands for (profiles.by); null where none"),
        field("usability", pa.float64(), "", "U = eta exp(-sigma)"),
        field("usability_low", pa.float64(), "", "lower end of the interval on U; null for synthetic"),
        field("usability_high", pa.float64(), "", "upper end of the interval on U; null for synthetic"),
        field("fidelity", pa.float64(), "", "F = E cos(w, w_hat); null where not computed"),
        field("fidelity_low", pa.float64(), "", "lower end of the interval on F; null for synthetic"),
        field("fidelity_high", pa.float64(), "", "upper end of the interval on F; null for synthetic"),
        field("eta", pa.float64(), "", "non-monotonic factor"),
        field("sigma", pa.float64(), "", "log-normal spread, the upper bound used in U"),
        field("branch_points", pa.int32(), "", "points on the branch"),
        field("window_start", pa.int32(), "", "first branch point of the operative window"),
        field("window_length", pa.int32(), "", "points in the operative window"),
        field("lcis_start", pa.int32(), "", "first branch point of the LCIS window"),
        field("lcis_length", pa.int32(), "", "points in the LCIS window"),
        field("g_min_s", pa.float64(), "S", "least mean conductance of the window; null for synthetic"),
        field("g_max_s", pa.float64(), "S", "largest mean conductance of the window; null for synthetic"),
        field("curve", pa.list_(pa.float64()), "", "(G - g_min) / (g_max - g_min) over the window"),
        field("reached", pa.list_(pa.bool_()), "", "window point inside the LCIS window"),
        field("log_ratio", pa.list_(pa.float64()), "", "ln(G / mean) of every sample; empty where not kept"),
    ]
)
"""Device profiles: what a network is programmed on."""
