"""Records to the numbers of the figures, against values worked out by hand."""

import numpy as np
import pytest

from codesign.crossbar.summary import cells_of, drops, error_histogram, programmed, summarise_runs
from codesign.schemas.crossbar_summary import CROSSBAR_SUMMARY
from codesign.tables import write_table

OPTIONS = {"evidence": "simulated", "resamples": 500, "confidence": 0.95, "seed": 1}


def test_a_drop_is_software_minus_array(record_row):
    """And its share of the software's accuracy."""
    [line] = drops([record_row(software=0.9, array=0.6)])
    assert line["drop"] == pytest.approx(0.3) and line["relative_drop"] == pytest.approx(1 / 3)


def test_means_and_paired_differences(record_row, tmp_path):
    """By hand: ERM loses 0.4 and 0.2, BayesMulti 0.1 and 0.1."""
    rows = [record_row("erm", 1, array=0.6), record_row("erm", 2, array=0.8)]
    rows += [record_row("bayesmulti", 1, array=0.9), record_row("bayesmulti", 2, array=0.9)]
    found = {(row["method"], row["quantity"]): row for row in summarise_runs(rows, **OPTIONS)}
    erm = found["erm", "drop"]
    assert (erm["n"], erm["mean"], erm["std"]) == (2, pytest.approx(0.3), pytest.approx(0.1 * 2**0.5))
    assert erm["low"] == pytest.approx(0.2) and erm["high"] == pytest.approx(0.4)
    difference = found["difference", "drop"]
    assert difference["mean"] == pytest.approx(-0.2) and difference["n"] == 2
    write_table(list(found.values()), tmp_path / "s.parquet", schema=CROSSBAR_SUMMARY)


def test_calibrated_networks_have_rows_of_their_own_and_move_no_other(record_row):
    """By hand: calibration regains 0.2 and 0.1 for ERM, 0.05 for BayesMulti; `none` is as without it."""
    rows = [record_row("erm", 1, array=0.6), record_row("erm", 2, array=0.8)]
    rows += [record_row("bayesmulti", 1, array=0.9), record_row("bayesmulti", 2, array=0.9)]
    more = [record_row("erm", 1, array=0.8, calibration="offset")]
    more += [record_row("erm", 2, array=0.9, calibration="offset")]
    more += [record_row("bayesmulti", k, array=0.95, calibration="offset") for k in (1, 2)]
    found = summarise_runs([*rows, *more], **OPTIONS)
    assert [row for row in found if row["calibration"] == "none"] == summarise_runs(rows, **OPTIONS)
    known = {(row["method"], row["quantity"]): row for row in found if row["calibration"] == "offset"}
    assert known["erm", "array"]["mean"] == pytest.approx(0.85)
    assert known["erm", "regained"]["mean"] == pytest.approx(0.15)
    assert known["erm", "regained"]["low"] == pytest.approx(0.1)
    assert known["difference", "array"]["mean"] == pytest.approx(0.1)
    assert known["difference", "regained"]["mean"] == pytest.approx(-0.1)
    assert {row["n"] for row in found} == {2}


def test_errors_and_energy_count_each_network_once(record_row):
    """A calibrated row has the cells and inputs of the same network once more."""
    rows = [record_row(run=1), record_row(run=2)]
    more = [*rows, record_row(run=1, error=0.7, calibration="offset")]
    assert error_histogram(more, bins=5) == error_histogram(rows, bins=5)
    assert programmed(more, pulse_s=1e-6) == programmed(rows, pulse_s=1e-6)


def test_one_run_has_no_spread_and_two_of_a_number_are_refused(record_row):
    """A spread of one value does not exist."""
    rows = summarise_runs([record_row()], **OPTIONS)
    assert all(row["std"] is None and row["low"] is None for row in rows)
    with pytest.raises(ValueError, match="run 1 of erm occurs twice"):
        summarise_runs([record_row(), record_row()], **OPTIONS)


def test_errors_are_counted_in_units_of_the_products(record_row):
    """A constant error of 0.1 falls into one bin; every product is counted once."""
    row = record_row(error=0.1, examples=50)
    lines = error_histogram([row], bins=5)
    assert {line["layer"] for line in lines} == {1, 2}
    for layer in (1, 2):
        mine = [line for line in lines if line["layer"] == layer]
        assert sum(line["count"] for line in mine) == mine[0]["n"] == 100
        software = np.array(row["product_software"])[np.array(row["product_layer"]) == layer]
        scale = np.sqrt(np.mean(software**2))
        assert mine[0]["scale"] == pytest.approx(scale) and mine[0]["mean"] == pytest.approx(0.1 / scale)
        assert mine[0]["std"] == pytest.approx(0, abs=1e-12)
        assert [line["count"] for line in mine if line["high"] == pytest.approx(0.1 / scale)] == [100]


def test_methods_share_the_bins_of_a_layer(record_row):
    """Otherwise their histograms could not be laid over each other."""
    lines = error_histogram([record_row(error=0.1), record_row("bayesmulti", error=-0.7)], bins=7)
    edges = {m: [(x["low"], x["high"]) for x in lines if x["method"] == m] for m in ("erm", "bayesmulti")}
    assert edges["erm"] == edges["bayesmulti"]
    assert all(line["count"] >= 0 for line in lines)


def test_no_error_at_all_is_a_histogram_too(record_row):
    """An ideal array has one bar."""
    lines = error_histogram([record_row(error=0.0)], bins=5)
    assert [line["count"] for line in lines if line["layer"] == 1] == [0, 0, 10, 0, 0]


def test_what_was_programmed_enters_the_energy(record_row):
    """Mean conductance, the inputs' mean square weighted by it, and parts as they multiply."""
    row = record_row()
    row["cell_mean_square_v2"] = [0.02] * 8 + [0.01] * 8
    found = programmed([row], pulse_s=1e-6)
    g = np.array(row["cell_reached_s"])
    assert found["conductance_s"] == pytest.approx(g.mean())
    assert found["mean_square_v2"] == pytest.approx((g @ row["cell_mean_square_v2"]) / g.sum())
    assert found["tiles"] == ((2, 4), (4, 2))
    other = record_row("bayesmulti") | {"cell_tile": [0] * 15 + [1]}
    with pytest.raises(ValueError, match="differently"):
        programmed([row, other], pulse_s=1e-6)


def test_cells_are_one_line_each(record_row):
    """With method, run and place."""
    cells = cells_of(record_row("bayesmulti", 3))
    assert len(cells) == 16 and cells[-1]["row"] == 5
    assert {(cell["method"], cell["run"]) for cell in cells} == {("bayesmulti", 3)}
