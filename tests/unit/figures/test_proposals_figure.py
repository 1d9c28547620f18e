"""The card shows the proposals and the reasons it was given, before there is a model too."""

import pytest

from codesign.figures.proposals import draw_proposals
from codesign.figures.proposals_table import COLUMNS, SHOWN

LEVELS = {
    "perovskite": ["MAPbI3", "MAPbBr3", "MAPbCl3", "FAPbI3", "CsPbI3"],
    "length_um": [0.6, 1, 1.2, 1.5, 1.8, 2, 2.5, 3],
    "diameter_nm": [10, 50, 100, 150, 200, 250, 300],
    "pb_min": [5, 10, 15, 20, 25, 30],
    "ag_nm": [50, 100, 200, 400, 600],
}
FIRST = {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 200, "pb_min": 15, "ag_nm": 200}
NEAREST = "MAPbI₃, 1.2 µm, 250 nm, 15 min Pb, 600 nm Ag, silver paste, no. 2"
LONG = "i-v-data-1-2um-length-250nm-diameter-bt-4v-na-third-etch-15min-pb-ed-3h-180c-mai-no-600nm-ag-no-wait"


def _row(rank, *, model=True, origin="measured", works=1.0):
    predicted = dict.fromkeys(
        (
            "predicted_mean",
            "predicted_std",
            "log_acquisition",
            "expected_improvement",
            "probability_of_improvement",
            "probability_to_beat_measured",
        )
    )
    if model:
        predicted = {
            "predicted_mean": 0.7,
            "predicted_std": 0.1,
            "log_acquisition": -3.0,
            "expected_improvement": 0.05,
            "probability_to_beat_measured": 0.08,
        }
    near = {
        "nearest_device": LONG if model else None,
        "nearest_value": 0.5 if model else None,
        "nearest_distance": 0.1,
    }
    return {"rank": rank, **FIRST, **predicted, **near, "origin": origin, "probability_of_usability": works}


def _card(*, model=True, origin="measured", goal="maximise", devices=12, reading="usability"):
    card = {
        "origin": origin,
        "reading": reading,
        "goal": goal,
        "target": 0.5,
        "seed": 7,
        "table_sha256": "0123456789abcdef",
        "surrogate": "GP" if model else "none: space-filling until 4 devices have a usability",
        "counts": {
            "used": devices if model else 0,
            "no_usability": 2,
            "failed": 1,
            "refused": 1,
            "off_grid": 3,
            "not_encodable": 1,
        },
        "not_finite": ["broken-one"],
        "best": {
            "measured": {"device": "d6", "value": 0.4} if model else None,
            "predicted": 0.35 if model else None,
        },
        "stopping": {"max_ei": 0.05, "probability_better": 0.9, "statement": "Go on. " * 20},
        "history": [],
        "called": {LONG: {"rank": 7, "label": NEAREST}},
        "loo": {"rows": [], "coverage": {}, "n": 0},
        "loo_condition": {"rows": [], "coverage": {}, "n": 0},
        "relevance": [],
        "partial_dependence": [],
        "slices": [],
    }
    if model:
        card["history"] = [
            {"device": f"d{k}", "value": 0.1 + 0.05 * (k % 7), "best": 0.1 + 0.05 * min(k, 6)}
            for k in range(devices)
        ]
        card["loo"] = {
            "rows": [
                {"device": f"d{k}", "observed": 0.1 * (k % 9), "observed_std": 0.05, "mean": 0.3, "std": 0.1}
                for k in range(devices)
            ],
            "coverage": {"95": 0.9, "50": 0.4, "80": 0.75},
            "n": devices,
            "spread": 0.24,
            "rmse": 0.203,
            "log_score": 0.13,
        }
        card["loo_condition"] = {
            "coverage": {"95": 0.8, "50": 0.5, "80": 0.7},
            "rmse": 0.22,
            "log_score": -0.06,
        }
        card["relevance"] = [{"variable": name, "value": 0.2} for name in LEVELS]
        card["partial_dependence"] = [
            {"variable": name, "values": v, "mean": [0.5] * len(v), "std": [0.1] * len(v)}
            for name, v in LEVELS.items()
        ]
        card["slices"] = [
            {
                "x_variable": x,
                "y_variable": y,
                "x": LEVELS[x],
                "y": LEVELS[y],
                "expected_improvement": [
                    [0.001 * (i + 10 * j) for i in range(len(LEVELS[x]))] for j in range(len(LEVELS[y]))
                ],
                "at": FIRST,
            }
            for x, y in (("length_um", "diameter_nm"), ("pb_min", "ag_nm"))
        ]
    return card


def test_the_card_is_one_a4_page_with_what_a_person_needs_at_the_bench(texts, inside):
    """Conditions with units, prediction, nearest device, statement, seed and digest."""
    figure = draw_proposals([_row(1), _row(2)], _card()).figure
    assert tuple(round(size * 25.4) for size in figure.get_size_inches()) == (210, 297)
    said = "\n".join(texts(figure))
    for part in (
        "MAPbI₃",
        "(µm)",
        "(nm)",
        "(min)",
        "0.70 ± 0.10",
        "0.050",
        "8 %",
        "Best device measured: U = 0.400.",
        "(1 of them failed and steer the search away)",
        "0.203",
        "0.220",
        "Go on.",
        "seed: 7",
        "0123456789abcdef",
        "measured",
        "2 without usability",
        "1 refused",
        "1 with a reading or a standard deviation that is no finite number (broken-one)",
        "1 with a condition unknown or a perovskite that the model cannot describe",
        "n = 12; values ± 0.240",
        "Expected gain: the mean, over what a device may turn out as, of what exceeds 0.350;",
    ):
        assert part in said or part in said.replace("\n", " "), part
    assert f"7: {NEAREST}" in said.replace("\n", " ") and "i-v-data" not in said
    assert inside(figure) == []


def test_without_dates_nothing_is_said_of_an_order(texts, inside):
    """The other panel takes its place."""
    drawing = draw_proposals([_row(1)], _card() | {"history": []})
    assert not any("so far" in text for text in texts(drawing.figure))
    assert any("each device predicted" in text for text in texts(drawing.figure))
    assert not [n for n in drawing.numbers if n["panel"].startswith("history")]
    assert inside(drawing.figure) == []


def test_the_numbers_are_those_drawn():
    """Table, maps, relevances, curves, history and calibration are in the CSV, in the order drawn."""
    card = _card()
    drawing = draw_proposals([_row(2), _row(1)], card)
    assert all(tuple(number) == COLUMNS for number in drawing.numbers)

    def of(panel):
        return [number for number in drawing.numbers if number["panel"] == panel]

    assert [n["item"] for n in of("proposals") if n["variable"] == "predicted_mean"] == ["1", "2"]
    assert {n["variable"]: n["level"] for n in of("proposals")[:5]} == FIRST
    maps = [image.get_array().ravel().tolist() for axes in drawing.figure.axes for image in axes.images]
    assert [value for values in maps for value in values] == [n["value"] for n in of("slice")]
    best = card["slices"][0]["expected_improvement"]
    assert of("slice")[0]["value"] == best[0][0] and of("slice")[1]["value"] == best[0][1]
    assert of("slice")[1]["level"] == 1 and of("slice")[1]["other_level"] == 10
    assert [n["value"] for n in of("relevance")] == [0.2] * 5
    assert len(of("dependence")) == sum(map(len, LEVELS.values()))
    assert [n["value"] for n in of("history")] == [part["value"] for part in card["history"]]
    assert [n["level"] for n in of("calibration")] == [part["observed"] for part in card["loo"]["rows"]]
    assert [n["value"] for n in of("proposals") if n["variable"] == "probability_to_beat_measured"] == [
        0.08
    ] * 2
    assert of("coverage_condition")[0]["value"] == 0.5
    assert [(n["item"], n["value"]) for n in of("coverage")] == [("50", 0.4), ("80", 0.75), ("95", 0.9)]


@pytest.mark.parametrize(
    ("origin", "label"),
    [("virtual", "virtual laboratory"), ("measured", "measured")],
    ids=["virtual", "measured"],
)
def test_the_card_says_what_it_was_fitted_to(texts, origin, label):
    """A proposal from synthetic devices must never go to the bench unnoticed: badge and footer say so."""
    said = texts(draw_proposals([_row(1, origin=origin)], _card(origin=origin)).figure)
    assert sum(label in text for text in said) >= 2


def test_a_proposal_of_another_origin_is_refused():
    """The table and the card must come from one run."""
    with pytest.raises(ValueError, match="propose again"):
        draw_proposals([_row(1, origin="virtual")], _card())


@pytest.mark.parametrize(
    ("rows", "card"),
    [
        ([_row(1, model=False)], _card(model=False)),
        ([], _card()),
        ([_row(k) for k in range(1, 9)], _card(devices=43)),
        ([_row(k) for k in range(1, 31)], _card(goal="target", devices=300)),
        ([_row(1)], _card(devices=1)),
    ],
    ids=["no model yet", "grid exhausted", "eight", "thirty, target", "one device"],
)
def test_extreme_cards_fit_on_the_page(rows, card, texts, inside):
    """No model, nothing left to make, many proposals: a page that says so, nothing over its edge."""
    drawing = draw_proposals(rows, card)
    said = "\n".join(texts(drawing.figure))
    assert inside(drawing.figure) == []
    if not card["slices"]:
        assert "No model yet" in said and "no model yet" in said
    if not rows:
        assert "being made or excluded" in said
    if len(rows) > SHOWN:
        assert f"and {len(rows) - SHOWN} more" in said
        assert len([n for n in drawing.numbers if n["variable"] == "predicted_mean"]) == len(rows)
    bottoms = [axes.get_position().y0 for axes in drawing.figure.axes]
    assert all(bottom > 0 for bottom in bottoms)


def test_panels_never_lie_on_each_other():
    """The room between table and lower panels is shared out, whatever the number of proposals."""
    for count in (1, 6, 10, 30):
        drawing = draw_proposals([_row(k) for k in range(1, count + 1)], _card())
        boxes = [axes.get_position() for axes in drawing.figure.axes]
        for k, one in enumerate(boxes):
            for other in boxes[k + 1 :]:
                assert not one.overlaps(other)


def test_the_card_says_which_reading_was_followed():
    drawing = draw_proposals([_row(1)], _card(reading="fidelity"))
    said = " ".join(text.get_text() for text in drawing.figure.texts)
    assert "largest fidelity" in said and "predicted F" in said and "predicted U" not in said


@pytest.mark.parametrize("chances", [(1.0, 1.0), (1.0, 0.62)], ids=["nothing failed", "some failed"])
def test_the_chance_that_a_device_works_is_a_column_where_it_is_not_1(chances, texts, inside):
    """In the figure and in its numbers."""
    drawing = draw_proposals([_row(k, works=chance) for k, chance in enumerate(chances, start=1)], _card())
    said = texts(drawing.figure)
    shown = [n["value"] for n in drawing.numbers if n["variable"] == "probability_of_usability"]
    differ = chances[1] < 1
    assert ("chance of\nusability" in said) is ("62 %" in said) is differ
    assert shown == (list(chances) if differ else [])
    assert inside(drawing.figure) == []


def test_with_a_target_the_line_is_of_the_nearest_so_far():
    """And is called so."""
    history = next(a for a in draw_proposals([_row(1)], _card(goal="target")).figure.axes if a.get_legend())
    assert "nearest so far" in [text.get_text() for text in history.get_legend().get_texts()]
