"""Rows of extracted devices, and the usability table."""

import pyarrow as pa

from codesign.schemas.conditions import CONDITIONS
from codesign.schemas.fields import field

DEVICE = pa.schema(
    [
        field("device", pa.string(), "", "device id"),
        field("origin", pa.string(), "", "measured | virtual"),
        field("kind", pa.string(), "", "sweep | pulse"),
        field("status", pa.string(), "", "ok | no_usability | refused"),
        field("reason", pa.string(), "", "why there is no usability; empty where status is ok"),
        field("notes", pa.string(), "", "what the importer and the extraction had to say"),
        *CONDITIONS,
        field("contact", pa.string(), "", "top contact"),
        field("measured_at", pa.string(), "", "ISO 8601, empty where unknown"),
        field("instrument", pa.string(), "", "instrument, empty where unknown"),
        field("source_file", pa.string(), "", "file the measurement came from"),
        field("source_sha256", pa.string(), "", "sha256 of that file"),
        field("compliance_a", pa.float64(), "A", "compliance as the metadata states it"),
        field("compliance_level_a", pa.float64(), "A", "level used for masking; null where none"),
        field("compliance_source", pa.string(), "", "metadata | detected | none"),
        field("cycles", pa.int32(), "", "cycles in the file"),
        field("cycles_used", pa.int32(), "", "cycles left after quality control"),
        field("cycles_nan", pa.int32(), "", "dropped: nothing recorded"),
        field("cycles_open", pa.int32(), "", "dropped: open (dead) cell"),
        field("cycles_shorted", pa.int32(), "", "dropped: shorted cell"),
        field("cycles_flipped", pa.int32(), "", "dropped: current against the voltage"),
        field("cycles_dropped", pa.string(), "", "each dropped cycle with its rule, 'n: rule; ...'"),
        field("v_max_v", pa.float64(), "V", "largest voltage of the branch"),
        field("branch_points", pa.int32(), "", "points on the branch, masked ones included"),
        field("usable_points", pa.int32(), "", "points left after compliance masking"),
        field("masked_fraction", pa.float64(), "", "share of branch samples in compliance"),
        field("lcis_start", pa.int32(), "", "first branch point of the LCIS window"),
        field("lcis_length", pa.int32(), "", "points in the LCIS window"),
        field("lcis_fraction", pa.float64(), "", "lcis_length / branch_points (paper Eq. 3)"),
        field("eta", pa.float64(), "", "non-monotonic factor, min(1, lcis_fraction / l0)"),
        field("sigma_mle", pa.float64(), "", "log-normal spread, MLE (paper Eq. 8)"),
        field("sigma_robust", pa.float64(), "", "log-normal spread, 1.4826 MAD about geometric means"),
        field("sigma", pa.float64(), "", "the estimator chosen in the config"),
        field("samples", pa.int32(), "", "N: usable (cycle, point) samples"),
        field("autocorrelation_points", pa.float64(), "", "integrated autocorrelation length"),
        field("samples_effective", pa.float64(), "", "N_eff = cycles x points / autocorrelation"),
        field("sigma_upper_n", pa.float64(), "", "upper bound of sigma with N (paper Eq. 9)"),
        field("sigma_upper", pa.float64(), "", "upper bound of sigma with N_eff: the one used"),
        field("usability", pa.float64(), "", "U = eta exp(-sigma_upper) (paper Eq. 5)"),
        field("usability_low", pa.float64(), "", "lower end of the bootstrap interval on U"),
        field("usability_high", pa.float64(), "", "upper end of the bootstrap interval on U"),
        field("usability_std", pa.float64(), "", "bootstrap standard deviation of U"),
        field("usability_reference", pa.float64(), "", "exp(-sigma) by the reference code's choices"),
        field("eta_reference", pa.float64(), "", "eta by the reference code's choices"),
        field("sigma_reference", pa.float64(), "", "sigma by the reference code's choices"),
        field("g_min_s", pa.float64(), "S", "least mean conductance of the operative window"),
        field("g_max_s", pa.float64(), "S", "largest mean conductance of the operative window"),
        field("voltage_v", pa.list_(pa.float64()), "V", "mean voltage of each branch point"),
        field("conductance_s", pa.list_(pa.float64()), "S", "mean conductance of each branch point"),
        field("conductance_low_s", pa.list_(pa.float64()), "S", "5 % quantile over used cycles"),
        field("conductance_high_s", pa.list_(pa.float64()), "S", "95 % quantile over used cycles"),
        field("usable", pa.list_(pa.bool_()), "", "branch point usable (not in compliance)"),
    ]
)
"""One extracted device (`devices/{device}.parquet`); stacked: the usability table."""
