"""The figure of one device shows what its CSV says, and says what it cannot show."""

import numpy as np
import pytest

from codesign.figures.device import COLUMNS, draw_device
from codesign.iv.measurement import Measurement, Metadata


def _draw(measurement, row):
    return draw_device(measurement, row, min_operative_fraction=0.35, confidence=0.95)


def _lines(figure, gid):
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == gid]


def test_the_numbers_are_those_of_the_lines(measured):
    """Every point of every cycle drawn, and nothing else, stands in the CSV, dropped cycles by their rule."""
    measurement, row = measured()
    drawing = _draw(measurement, row)
    assert all(list(number) == COLUMNS for number in drawing.numbers)
    swept = [n for n in drawing.numbers if n["panel"] == "sweeps" and n["cycle"] is not None]
    for gid, series in (("used", "used"), ("dropped", "dropped: open")):
        drawn = [xy for line in _lines(drawing.figure, gid) for xy in line.get_xydata() if np.isfinite(xy[1])]
        said = [(n["voltage_v"], n["current_abs_a"]) for n in swept if n["series"] == series]
        assert np.array_equal(np.array(drawn), np.array(said))
    # nothing was recorded in cycle 6, so it cannot be seen
    assert {n["cycle"] for n in swept} == {1, 2, 3, 4, 5, 7, 8}
    curve = [n for n in drawing.numbers if n["panel"] == "curve"]
    [mean] = _lines(drawing.figure, "mean")
    said = [(n["voltage_v"], n["conductance_s"]) for n in curve]
    assert np.array_equal(mean.get_xydata(), np.array(said))


def test_the_numbers_agree_with_the_row(measured):
    """Window, mask and annotations come from the extracted row, not from a second computation."""
    measurement, row = measured()
    drawing = _draw(measurement, row)
    curve = [n for n in drawing.numbers if n["panel"] == "curve"]
    window = [n["point"] for n in curve if n["in_lcis"]]
    assert window == list(range(row["lcis_start"], row["lcis_start"] + row["lcis_length"]))
    assert [n["usable"] for n in curve] == row["usable"]
    assert sum(n["in_operative"] for n in curve) == np.ceil(0.35 * row["branch_points"])
    facts = {n["series"]: n["value"] for n in drawing.numbers if n["panel"] == "text"}
    assert facts["usability"] == row["usability"] and facts["cycles_used"] == 6


def test_what_was_found_is_written_beside_the_panels(measured, texts):
    """Usability with interval, both factors, cycles used and dropped, compliance."""
    measurement, row = measured()
    said = "\n".join(texts(_draw(measurement, row).figure))
    for part in (
        f"U = {row['usability']:.3f}",
        f"95 % interval {row['usability_low']:.3f} … {row['usability_high']:.3f}",
        f"η = {row['eta']:.3f}",
        f"σ = {row['sigma']:.3f}",
        "6 of 8 cycles used",
        "dropped: 1 nan, 1 open",
        "compliance 27 µA",
        "MAPbBr₃, 1 µm, 250 nm, 10 min Pb, 100 nm Ag",
        "LCIS window",
        "operative window",
        "in compliance: not usable",
    ):
        assert part in said, part


@pytest.mark.parametrize(
    ("origin", "label"),
    [("virtual", "virtual laboratory"), ("measured", "measured")],
    ids=["virtual", "measured"],
)
def test_the_figure_says_where_the_device_comes_from(measured, texts, origin, label):
    """A synthetic device must never pass for a measured one."""
    assert any(label in text for text in texts(_draw(*measured(origin)).figure))


def _grid(current, **metadata):
    voltage = np.concatenate([np.linspace(0, 6, 31), np.linspace(6, 0, 31)[1:]])
    cycles = np.arange(1, current.shape[0] + 1)
    return Measurement.from_grid(
        Metadata(device="d", **metadata), cycles=cycles, voltage=voltage[: current.shape[1]], current=current
    )


@pytest.mark.parametrize(
    "current",
    [
        np.full((4, 61), np.nan),
        np.zeros((4, 61)),
        np.full((4, 61), 1e-6),
        -np.ones((4, 61)) * 1e-6,
        np.ones((1, 61)) * np.linspace(0, 1e-6, 61),
    ],
    ids=["nothing recorded", "no current at all", "always limited", "against the voltage", "one cycle"],
)
def test_a_device_without_usability_is_drawn_with_its_reason(current, extracted, texts, inside):
    """The figure shows what there is; the reason stands beside it, on the page."""
    measurement = _grid(current)
    row = extracted(measurement)
    assert row["status"] == "no_usability"
    figure = _draw(measurement, row).figure
    said = " ".join(" ".join(texts(figure)).split())
    assert "no usability" in said and row["reason"][:20] in said
    assert inside(figure) == []


def test_a_device_that_never_saw_a_positive_voltage_has_no_curve(extracted, texts):
    """Its sweeps are drawn, the second panel says why it is empty."""
    meta = Metadata(device="d")
    measurement = Measurement.from_grid(
        meta, cycles=[1, 2, 3], voltage=-np.linspace(1, 2, 20), current=-np.ones((3, 20))
    )
    drawing = _draw(measurement, extracted(measurement))
    assert "no charging branch to show" in texts(drawing.figure)
    assert {n["panel"] for n in drawing.numbers} <= {"sweeps", "text"}


@pytest.mark.parametrize("unreadable", [True, False], ids=["unreadable file", "refused at import"])
def test_a_refused_file_is_a_page_with_the_reason(unreadable, extracted, texts, inside):
    """A failed device is not a gap in the folder of figures."""
    refused = Measurement.refused(
        Metadata(device="d", origin="virtual"), "no voltage column; name one 'voltage'"
    )
    drawing = _draw(None if unreadable else refused, extracted(refused))
    said = texts(drawing.figure)
    assert "The file was refused" in said and any("no voltage column" in text for text in said)
    assert any("virtual laboratory" in text for text in said)
    assert not drawing.figure.axes and inside(drawing.figure) == []


def test_a_pulse_series_counts_pulses(extracted, texts):
    """There is no voltage sweep to put on the axis."""
    level = np.concatenate([np.linspace(1, 5, 30), np.linspace(5, 1, 31)]) * 1e-6
    meta = Metadata(device="d", kind="pulse", branch_points=30)
    measurement = Measurement.from_grid(
        meta, cycles=np.arange(1, 6), voltage=np.full(61, 0.2), current=np.tile(0.2 * level, (5, 1))
    )
    figure = _draw(measurement, extracted(measurement)).figure
    assert figure.axes[1].get_xlabel() == "pulse number"
    assert "voltage" not in figure.axes[0].get_xlabel()


def test_a_branch_that_goes_up_and_back_is_drawn_by_its_points(measured):
    """By voltage the way back would lie on the way up, and the window could not be read off."""
    measurement, row = measured()
    back = row | {"voltage_v": [*row["voltage_v"][:15], *row["voltage_v"][14::-1]]}
    assert len(back["voltage_v"]) == len(row["voltage_v"])
    drawing = _draw(measurement, back)
    assert drawing.figure.axes[1].get_xlabel() == "branch point"
    [mean] = _lines(drawing.figure, "mean")
    assert np.array_equal(mean.get_xdata(), np.arange(30))
