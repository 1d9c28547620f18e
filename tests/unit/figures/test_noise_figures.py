"""Figures of training noise draw the search and the specification they are given."""

import numpy as np
import pytest

from codesign.bayesmulti.methods import method_of
from codesign.bayesmulti.specification import method_spec
from codesign.figures.noise import draw_noise, draw_search
from codesign.noise_search.record import search_trace, searched_parameters
from codesign.noise_search.rounds import specification_of
from codesign.noise_search.search import SearchSpace
from codesign.tasks.about import Metric

LIMITS = {"dropout": 0.9, "gaussian": 0.5, "lognormal": 1.5, "bayesmulti": 0.9}
ACCURACY = Metric("accuracy", "accuracy", "higher", 0.5)
SHARED = {"experiment": "moons", "metric": ACCURACY, "devices": 4, "programmings": 3, "origin": "virtual"}


def _records(methods, *, rounds=3, slots=3, layers=1, tie="model", failed=()):
    rng = np.random.default_rng(2)
    records = {}
    for method in methods:
        [site] = method_of(method).sites[-1:]
        space = SearchSpace(method, {site: layers}, tie, LIMITS[method])
        points = rng.uniform(size=(rounds * slots, space.noise_dimensions(site)))
        tried = [{"initial_scale": 1.0}, *(space.at(point, site=site, scale=1.0) for point in points)]
        trials = [{"parameters": each, "objective": float(rng.uniform(0.5, 0.9))} for each in tried]
        for k, trial in enumerate(trials):
            trial["standard_error"] = 0.02
            if k in failed:
                trial |= {"objective": None, "standard_error": None}
        spec = specification_of(trials[-1]["parameters"], space)
        records[method] = {"specification": spec.to_json(), "initial_scale": 1.0, "trials": trials}
    return records


def _search(records, slots=3, **changes):
    trace = search_trace(records, slots=slots)
    parameters = searched_parameters(records, limits=LIMITS)
    return trace, parameters, draw_search(trace, parameters, **SHARED | changes)


def _line(axes, gid):
    [line] = [line for line in axes.lines if line.get_gid() == gid]
    return line


def test_trials_corner_choice_and_best_are_drawn_as_recorded():
    """Each method's objective by trial, its own look, shifted by less than half a trial."""
    trace, parameters, drawing = _search(_records(LIMITS, failed=(4,)))
    axes = drawing.figure.axes[0]
    for name in LIMITS:
        rows = [row for row in trace if row["method"] == name]
        [bars] = [bars for bars in axes.containers if bars.get_label() == f"_{name}"]
        made = [row for row in rows if row["objective"] is not None]
        assert bars.lines[0].get_ydata().tolist() == [row["objective"] for row in made]
        assert np.abs(bars.lines[0].get_xdata() - [row["trial"] for row in made]).max() < 0.5
        assert _line(axes, f"best {name}").get_ydata().tolist() == [row["best"] for row in rows]
        assert _line(axes, f"corner {name}").get_ydata().tolist() == [rows[0]["objective"]]
        assert _line(axes, f"chosen {name}").get_ydata().tolist() == [rows[-1]["objective"]]
        assert len(_line(axes, f"failed {name}").get_xdata()) == 1
    assert len(drawing.numbers) == len(trace) + len(parameters)


def test_chosen_parameters_are_marked_and_written(texts):
    """A mark at the share of the limit, the value beside it, a strip a parameter."""
    _, parameters, drawing = _search(_records(LIMITS))
    strips = drawing.figure.axes[1]
    for row in (row for row in parameters if row["kind"] == "chosen"):
        mark = _line(strips, f"{row['method']} {row['parameter']}")
        assert mark.get_xdata().tolist() == [row["share"]]
        assert f"{row['value']:.3f}" in texts(drawing.figure)


def test_the_search_says_what_the_objective_is_a_mean_of(texts):
    """n of devices and draws, validation and not test."""
    said = texts(_search(_records(["dropout"]))[2].figure)
    assert any("n = 4 panel devices × 3 programmings" in text and "validation" in text for text in said)
    assert any("3 rounds × 3 trials" in text for text in said)
    assert any("virtual laboratory" in text for text in said)


def test_an_objective_that_is_an_error_is_drawn_turned(texts):
    """Trials are compared by gain: where lower is better the axis says that the sign is turned."""
    error = Metric("error", "error per atom / meV", "lower")
    drawing = _search(_records(["dropout"]), metric=error)[2]
    assert (
        drawing.figure.axes[0].get_ylabel().replace("\n", " ")
        == "objective (validation −error per atom / meV)"
    )
    assert any("mean error per atom / meV on validation data" in text for text in texts(drawing.figure))
    assert _search(_records(["dropout"]))[2].figure.axes[0].get_ylabel() == "objective (validation accuracy)"


def test_a_long_title_of_a_metric_keeps_to_its_axis_and_to_the_page(covered):
    """It comes from a task."""
    long = Metric("accuracy", "root mean square error of predicted tension", "lower")
    figure = _search(_records(LIMITS), metric=long)[2].figure
    assert covered(figure) == []
    axes = figure.axes[0]
    assert axes.yaxis.label.get_window_extent().height <= axes.bbox.height + 1


def test_a_search_without_trials_is_refused():
    """There is nothing to draw, and the message says what to do."""
    with pytest.raises(ValueError, match="search noise"):
        draw_search([], [], **SHARED)


@pytest.mark.parametrize(
    ("methods", "rounds", "slots", "layers", "tie"),
    [
        (["dropout"], 1, 1, 1, "model"),
        (list(LIMITS), 3, 3, 1, "model"),
        (list(LIMITS), 10, 8, 3, "layer"),
        (list(LIMITS), 20, 4, 50, "layer"),
    ],
    ids=["one trial", "quick", "a value a layer", "a deep network"],
)
def test_small_and_large_searches_fit_their_page(methods, rounds, slots, layers, tie, inside):
    """From one trial to a paper-size search of every layer."""
    _, _, drawing = _search(_records(methods, rounds=rounds, slots=slots, layers=layers, tie=tie), slots)
    assert inside(drawing.figure) == []
    assert all(list(number) == list(drawing.numbers[0]) for number in drawing.numbers)


def _panel(count):
    return [
        {"profile": f"d-{k}", "usability": (k + 1) / count, "sigma": float(np.log(count / (k + 1)))}
        for k in range(count)
    ]


def test_bars_and_densities_are_the_exact_ones(texts):
    """p = (0.3, 0.3) has mean 0.55: factors 0, 0.5 / 0.55 and 1 / 0.55; a device without spread is a line."""
    spec = method_spec("bayesmulti", {"p_zero": 0.3, "p_half": 0.3}, 2, site="activation")
    drawing = draw_noise(spec, _panel(4), experiment="moons", origin="measured")
    above, below = drawing.figure.axes
    found = [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in above.patches]
    wanted = [(0.0, 0.3), (0.5 / 0.55, 0.3), (1 / 0.55, 0.4)]
    assert np.array(found) == pytest.approx(np.array(wanted))
    assert any("layers 1, 2: p₁ = 0.3, p₂ = 0.3" in text for text in texts(drawing.figure))
    curve = _line(below, "d-1")
    x, sigma = np.array(curve.get_xdata()), np.log(2)
    closed = np.exp(-(np.log(x) ** 2) / (2 * sigma**2)) / (x * sigma * np.sqrt(2 * np.pi))
    assert curve.get_ydata() == pytest.approx(closed)
    assert _line(below, "d-3").get_xdata() == [1, 1]
    said = texts(drawing.figure)
    assert any("n = 4 panel" in text for text in said) and any("U = 0.50, σ = 0.69" in text for text in said)


@pytest.mark.parametrize(
    ("method", "parameters", "layers"),
    [("erm", {}, 0), ("dropout", {"rate": 0.3}, 1)],
    ids=["no noise", "another noise"],
)
def test_noise_that_is_not_multinomial_is_refused(method, parameters, layers):
    """Its factors are not the three of the paper."""
    spec = method_spec(method, parameters, layers, site="activation")
    with pytest.raises(ValueError, match="multinomial noise is drawn"):
        draw_noise(spec, _panel(2), experiment="moons", origin="virtual")


@pytest.mark.parametrize(("layers", "devices"), [(1, 1), (5, 4), (50, 12)])
def test_deep_networks_and_large_panels_fit_their_page(layers, devices, inside):
    """Layers of their own noise are bars side by side, further ones are in the table."""
    zeros = np.linspace(0.0, 0.6, layers).tolist()
    spec = method_spec("bayesmulti", {"p_zero": zeros, "p_half": [0.3] * layers}, layers, site="weight")
    drawing = draw_noise(spec, _panel(devices), experiment="moons", origin="virtual")
    assert inside(drawing.figure) == []
    assert sum(number["panel"] == "training" for number in drawing.numbers) == 3 * layers
