"""Figures of training noise draw the search and the specification they are given."""

import numpy as np
import pytest

from codesign.bayesmulti.methods import method_of
from codesign.bayesmulti.specification import method_spec
from codesign.figures.noise import draw_noise, draw_search
from codesign.noise_search.record import choices, search_trace, searched_parameters
from codesign.noise_search.rounds import specification_of
from codesign.noise_search.search import SearchSpace
from codesign.tasks.about import Metric

LIMITS = {"dropout": 0.9, "gaussian": 0.5, "lognormal": 1.5, "bayesmulti": 0.9}
ACCURACY = Metric("accuracy", "accuracy", "higher", 0.5)
SHARED = {
    "experiment": "moons", "metric": ACCURACY, "devices": 4, "programmings": 3, "calibration": "none",
    "origin": "virtual",
}  # fmt: skip


def _network(spec, *, level=None, scale=1.0):
    """One network as `chosen.json` tells of it."""
    known = {"profile": "d", "usability": level, "fidelity": level**0.3} if level else {}
    about = {"name": "panel" if level is None else f"{level:g}", "level": level, "profile": None}
    about |= {"usability": None, "fidelity": None} | known
    return about | {"specification": spec.to_json(), "initial_scale": scale}


def _records(methods, *, rounds=3, slots=3, layers=1, tie="model", failed=(), levels=(None,)):
    """Searches that chose their last trial for the first level, the one before for the second, ..."""
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
        networks = [
            _network(specification_of(trials[-1 - k % len(trials)]["parameters"], space), level=level)
            for k, level in enumerate(levels)
        ]
        records[method] = {"method": method, "networks": networks, "trials": trials}
    return records


def _search(records, slots=3, **changes):
    trace = search_trace(records, slots=slots)
    parameters = searched_parameters(records, limits=LIMITS)
    return trace, parameters, draw_search(trace, parameters, choices(records), **SHARED | changes)


def _line(axes, gid):
    [line] = [line for line in axes.lines if line.get_gid() == gid]
    return line


@pytest.mark.parametrize(
    ("rounds", "listed", "words"),
    [
        (3, (), "3 rounds × 3 trials, the first space-filling;"),
        (1, ("bayesmulti",), "1 round × 3 trials, the first space-filling, BayesMulti listed;"),
        (1, ("bayesmulti", "dropout", "lognormal"), "1 round × 3 trials, listed;"),
    ],
)
def test_the_figure_says_where_trials_come_from(rounds, listed, words):
    _, _, drawing = _search(_records(("bayesmulti", "dropout"), rounds=rounds), listed=listed)
    assert any(words in text.get_text() for text in drawing.figure.texts)


def test_the_figure_says_what_calibration_trials_are_judged_with():
    _, _, drawing = _search(_records(("bayesmulti",)), calibration="offset")
    said = "4 panel devices × 3 programmings, gain and offset a channel after each;"
    assert any(said in text.get_text() for text in drawing.figure.texts)


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
    assert len(drawing.numbers) == len(trace) + len(parameters) + len(LIMITS)


def test_chosen_parameters_are_marked_and_written(texts):
    """A mark at the share of the limit, and in the table the value, where it acts and the start."""
    records = _records(LIMITS)
    _, parameters, drawing = _search(records)
    strips = drawing.figure.axes[1]
    for row in (row for row in parameters if row["kind"] == "chosen"):
        mark = _line(strips, f"{row['method']} {row['parameter']}")
        assert mark.get_xdata().tolist() == [row["share"]]
        site = records[row["method"]]["networks"][0]["specification"]["site"]
        value = f"= {row['value']:.2f}"
        assert any(value in text and f"{site}s, start × 1" in text for text in texts(drawing.figure))


OWN = [0.9, 0.7, 0.5, 0.3]


def _cells(drawing):
    """Texts of the table of choices, by what they say of the noise."""
    return [text.get_text() for text in drawing.figure.axes[2].texts]


def test_the_table_tells_the_choice_of_every_method_for_every_level():
    """Methods without a search as well; a network without noise says so."""
    records = _records(["dropout", "bayesmulti"], levels=OWN)
    erm = method_spec("erm", {}, 0)
    networks = [_network(erm, level=level, scale=0.4) for level in OWN]
    corner = {"parameters": {"initial_scale": 0.4}, "objective": 0.6, "standard_error": 0.01}
    records["erm"] = {"method": "erm", "networks": networks, "trials": [corner]}
    records["dropout"]["networks"][2] = _network(erm, level=0.5)
    drawing = _search(records)[2]
    said = _cells(drawing)
    assert sum("level " in text for text in said) == 4 and "level 0.5\nU = 0.50, F = 0.81" in said
    assert said.count("no noise\nstart × 0.4") == 4 and said.count("no noise\nstart × 1") == 1
    assert sum("rate = " in text for text in said) == 3
    assert sum("p₁ = " in text and "p₂ = " in text for text in said) == 4
    assert {"ERM", "Dropout (BayesFT)", "BayesMulti"} <= set(said)
    told = [row for row in drawing.numbers if row["panel"] == "choice"]
    assert {(row["method"], row["aim"]) for row in told} == {
        (method, f"{level:g}") for method in records for level in OWN
    }


def test_layers_that_differ_are_told_as_a_range():
    """The smallest and the largest value."""
    records = _records(["bayesmulti"], layers=3, tie="layer")
    [network] = records["bayesmulti"]["networks"]
    for name, symbol in (("p_zero", "p₁"), ("p_half", "p₂")):
        values = [layer[name] for layer in network["specification"]["layers"]]
        wanted = f"{symbol} = {min(values):.2f} to {max(values):.2f}"
        assert any(wanted in text for text in _cells(_search(records)[2]))


@pytest.fixture
def overlapping():
    """Pairs of texts of a figure that lie over each other."""

    def find(figure):
        figure.canvas.draw()
        written = [text for axes in figure.axes for text in (*axes.texts, axes.title, axes.xaxis.label)]
        written += [text for axes in figure.axes if axes.get_legend() for text in axes.get_legend().texts]
        written += figure.texts
        boxes = [(t.get_text(), t.get_window_extent()) for t in written if t.get_text().strip()]
        return [(a, b) for k, (a, one) in enumerate(boxes) for b, two in boxes[:k] if one.overlaps(two)]

    return find


@pytest.mark.parametrize(
    "levels", [(None,), (0.5,), OWN, (0.9, 0.8, 0.6, 0.5, 0.4, 0.2), [k / 20 for k in range(1, 15)]], ids=len
)
@pytest.mark.parametrize(("tie", "layers"), [("model", 1), ("layer", 5)])
def test_choices_of_many_levels_fit_their_page(levels, tie, layers, inside, covered, overlapping):
    """One aim, several, and more than stand beside each other; values and ranges."""
    drawing = _search(_records(LIMITS, layers=layers, tie=tie, levels=levels))[2]
    assert inside(drawing.figure) == [] and covered(drawing.figure) == []
    assert overlapping(drawing.figure) == []
    assert not any("…" in text for text in _cells(drawing))


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
        draw_search([], [], [], **SHARED)


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
    drawing = draw_noise({"panel": spec}, _panel(4), experiment="moons", origin="measured")
    above, below = drawing.figure.axes
    found = [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in above.patches]
    wanted = [(0.0, 0.3), (0.5 / 0.55, 0.3), (1 / 0.55, 0.4)]
    assert np.array(found) == pytest.approx(np.array(wanted))
    assert any("layers 1, 2:\np₁ = 0.3, p₂ = 0.3" in text for text in texts(drawing.figure))
    curve = _line(below, "d-1")
    x, sigma = np.array(curve.get_xdata()), np.log(2)
    closed = np.exp(-(np.log(x) ** 2) / (2 * sigma**2)) / (x * sigma * np.sqrt(2 * np.pi))
    assert curve.get_ydata() == pytest.approx(closed)
    assert _line(below, "d-3").get_xdata() == [1, 1]
    said = texts(drawing.figure)
    assert any("n = 4 panel" in text for text in said) and any("U = 0.50, σ = 0.69" in text for text in said)


MULTINOMIAL = method_spec("bayesmulti", {"p_zero": 0.3, "p_half": 0.3}, 2, site="activation")


def test_noise_that_is_not_multinomial_is_refused():
    """Its factors are not the three of the paper; also where it is that of one network among others."""
    spec = method_spec("dropout", {"rate": 0.3}, 1, site="activation")
    networks = {"0.8": MULTINOMIAL, "0.4": spec}
    with pytest.raises(ValueError, match="multinomial noise is drawn, got dropout"):
        draw_noise(networks, _panel(2), experiment="moons", origin="virtual")


def test_without_a_network_there_is_no_noise_to_draw():
    """The message says what is missing."""
    with pytest.raises(ValueError, match="multinomial noise is drawn, got no network"):
        draw_noise({}, _panel(2), experiment="moons", origin="virtual")


def test_each_network_has_its_bars_at_its_own_factors(texts):
    """Aims whose networks are alike share them; one without noise multiplies by 1, for certain."""
    other = method_spec("bayesmulti", {"p_zero": 0.2, "p_half": 0.4}, 3, site="weight")
    plain = method_spec("erm", {}, 0)
    networks = {"0.8": plain, "0.6": MULTINOMIAL, "0.4": other, "0.2": MULTINOMIAL}
    drawing = draw_noise(networks, _panel(4), experiment="moons", origin="virtual")
    rows = drawing.figure.axes[:-1]
    expected = [
        [(1.0, 1.0)],
        [(0.0, 0.3), (0.5 / 0.55, 0.3), (1 / 0.55, 0.4)],
        [(0.0, 0.2), (0.5 / 0.6, 0.4), (1 / 0.6, 0.4)],
    ]
    for axes, wanted in zip(rows, expected, strict=True):
        found = [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in axes.patches]
        assert np.array(found) == pytest.approx(np.array(wanted))
    said = texts(drawing.figure)
    assert "level 0.8: no noise" in said
    assert "levels 0.6, 0.2: activations, layers 1, 2:\np₁ = 0.3, p₂ = 0.3" in said
    assert "level 0.4: weights, layers 1 to 3:\np₁ = 0.2, p₂ = 0.4" in said
    assert {row["aims"] for row in drawing.numbers if row["panel"] == "training"} == {
        "level 0.8", "levels 0.6, 0.2", "level 0.4",
    }  # fmt: skip


@pytest.mark.parametrize("aims", [1, 2, 4, 6, 14])
@pytest.mark.parametrize("alike", [True, False])
def test_noise_of_many_networks_fits_its_page(aims, alike, inside, covered, overlapping):
    """All the same, or each another with layers that differ."""
    networks = {
        f"{(k + 1) / 20:g}": method_spec(
            "bayesmulti", {"p_zero": [0.2, 0.3 + (not alike) * k / 40], "p_half": 0.2}, 2, site="weight"
        )
        for k in range(aims)
    }
    networks["0.99"] = method_spec("erm", {}, 0)
    drawing = draw_noise(networks, _panel(6), experiment="moons", origin="virtual")
    assert inside(drawing.figure) == [] and covered(drawing.figure) == []
    assert overlapping(drawing.figure) == []
    if not alike:
        assert sum(number["panel"] == "training" for number in drawing.numbers) == 6 * aims + 1


@pytest.mark.parametrize(("layers", "devices"), [(1, 1), (5, 4), (50, 12)])
def test_deep_networks_and_large_panels_fit_their_page(layers, devices, inside):
    """Layers of their own noise have bars below each other, further ones are in the table."""
    zeros = np.linspace(0.0, 0.6, layers).tolist()
    spec = method_spec("bayesmulti", {"p_zero": zeros, "p_half": [0.3] * layers}, layers, site="weight")
    drawing = draw_noise({"panel": spec}, _panel(devices), experiment="moons", origin="virtual")
    assert inside(drawing.figure) == []
    assert sum(number["panel"] == "training" for number in drawing.numbers) == 3 * layers
