"""Device rows and a measurement that the figure tests share."""

import numpy as np
import pytest

from codesign.iv.measurement import Measurement, Metadata
from codesign.nonideality.branch import Extraction
from codesign.nonideality.device import extract
from codesign.schemas.device import DEVICE
from codesign.seeds import generator

SETTINGS = {
    "branch": "up",
    "compliance": "mask",
    "compliance_fraction": 0.98,
    "tolerated_drops": 2,
    "min_operative_fraction": 0.35,
    "estimator": "mle",
    "confidence": 0.95,
    "min_points": 10,
    "min_cycles": 3,
    "min_cycle_fraction": 0.5,
    "quality": {"open_ratio": 1e-3, "short_fraction": 0.95, "flip_fraction": 0.5},
    "bootstrap": 20,
}
CONDITIONS = {"perovskite": "MAPbBr3", "length_um": 1.0, "diameter_nm": 250.0, "pb_min": 10.0, "ag_nm": 100.0}


@pytest.fixture
def measured():
    """Makes a measurement with one open and one empty cycle, and the row extracted from it."""

    def make(origin="measured", *, cycles=8, v_max=6.0):
        up = np.linspace(0.0, v_max, 31)
        voltage = np.concatenate([up, up[-2::-1], -up[1:]])
        spread = np.exp(0.2 * generator(3, "figure").standard_normal((cycles, 1)))
        current = np.clip(1e-6 * voltage * np.abs(voltage) * spread, -2.7e-5, 2.7e-5)
        current[2] *= 1e-5
        current[5] = np.nan
        meta = Metadata(device="d-1", origin=origin, compliance_a=2.7e-5, **CONDITIONS)
        measurement = Measurement.from_grid(
            meta, cycles=np.arange(1, cycles + 1), voltage=voltage, current=current
        )
        return measurement, extract(measurement, Extraction(**SETTINGS), generator(1))

    return make


@pytest.fixture
def extracted():
    """Extracts the row of any measurement."""
    return lambda measurement: extract(measurement, Extraction(**SETTINGS), generator(1))


@pytest.fixture
def device_row():
    """Makes a row of the usability table without running an extraction."""

    def make(device, usability, **values):
        row = dict.fromkeys(DEVICE.names) | CONDITIONS
        row |= {"device": device, "origin": "measured", "kind": "sweep", "status": "ok", "reason": ""}
        row |= {"contact": "", "notes": "", "cycles_dropped": "", "v_max_v": 6.0}
        if usability is None:
            row |= {"status": "no_usability", "reason": "2 usable cycle(s), 3 needed: measure more cycles"}
        else:
            row |= {"usability": usability, "eta": 1.0, "sigma_upper": -np.log(usability)}
            kept = usability**0.3
            row |= {"fidelity": kept, "fidelity_low": 0.9 * kept, "fidelity_high": min(1.0, 1.1 * kept)}
            row |= {"usability_low": 0.9 * usability, "usability_high": min(1.0, 1.1 * usability)}
        return row | values

    return make


@pytest.fixture
def texts():
    """Every text of a figure, in axes and outside."""

    def find(figure):
        from matplotlib.text import Text

        return [text.get_text() for text in figure.findobj(Text)]

    return find


@pytest.fixture
def inside():
    """Whether every visible text lies on the page, give or take a millimetre."""

    def check(figure):
        renderer = figure.canvas.get_renderer()
        figure.draw(renderer)
        page, slack = figure.bbox, figure.dpi / 25.4
        found = list(figure.texts)
        for axes in figure.axes:
            found += [*axes.texts, axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
            if axes.get_legend():
                found += axes.get_legend().get_texts()
        outside = []
        for text in found:
            box = text.get_window_extent(renderer)
            across = box.x0 >= -slack and box.x1 <= page.x1 + slack
            up = box.y0 >= -slack and box.y1 <= page.y1 + slack
            if text.get_text() and text.get_visible() and not (across and up):
                outside.append(text.get_text())
        return outside

    return check


@pytest.fixture
def covered():
    """Texts of a figure that leave it, or that run over a text of its header."""

    def find(figure):
        from matplotlib.text import Text

        figure.canvas.draw()
        outer, found = figure.bbox, []
        header = [text for text in figure.texts if text.get_text()]
        beyond = set()  # numbers of an axis that its limits leave out
        for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            beyond |= {tick.label1 for tick in ticks if not low <= tick.get_loc() <= high}
        for text in figure.findobj(Text):
            if text in beyond or not (text.get_visible() and text.get_text().strip()):
                continue
            box = text.get_window_extent()
            if box.x0 < outer.x0 or box.y0 < outer.y0 or box.x1 > outer.x1 or box.y1 > outer.y1:
                found.append(f"outside: {text.get_text()}")
            found += [
                f"{text.get_text()} over {other.get_text()}"
                for other in header
                if other is not text and box.overlaps(other.get_window_extent())
            ]
        return found

    return find
