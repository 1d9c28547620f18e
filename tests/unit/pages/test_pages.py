"""Pages of the report: what stands in them, and that nothing from a file becomes markup."""

from html.parser import HTMLParser

import pytest

from codesign.pages.html import FRONT, Column, badge, formula, page, table
from codesign.pages.proposals import proposals_page
from codesign.pages.provenance import Made, provenance_page
from codesign.pages.usability import usability_page
from codesign.provenance.records import Record, digest_of
from codesign.schemas.device import DEVICE
from codesign.schemas.proposals import PROPOSALS

HOSTILE = "</td><script>alert(1)</script><img src=x onerror='alert(2)'>\"&amp;" + FRONT[1]
CONDITIONS = {"perovskite": "MAPbI3", "length_um": 1.5, "diameter_nm": 200.0, "pb_min": 15.0, "ag_nm": 200.0}
CARD = {
    "origin": "measured",
    "reading": "usability",
    "goal": "maximise",
    "target": 0.5,
    "counts": {"used": 7, "no_usability": 2, "failed": 1, "refused": 0, "not_encodable": 1, "off_grid": 0},
    "best": {"measured": {"device": "d-5", "value": 0.843}, "predicted": 0.636},
    "stopping": {"max_ei": 0.079, "statement": "Go on."},
    "surrogate": "GP",
    "seed": 1,
    "table_sha256": "00d3",
    "not_finite": [],
    "called": {"d-5": {"rank": 3, "label": "MAPbI₃, 2 µm"}},
}


class Reader(HTMLParser):
    """Tags of a page, and the text of every cell of its tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple] = []
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data):
        if self._cell:
            self.rows[-1][-1] += data


def proposal(**values):
    sure = {"rank": 1, "origin": "measured", "probability_of_usability": 1.0}
    return dict.fromkeys(PROPOSALS.names) | CONDITIONS | sure | values


def device(name, usability, **values):
    row = dict.fromkeys(DEVICE.names) | CONDITIONS
    row |= {"device": name, "origin": "measured", "usability": usability, "cycles": 6, "cycles_used": 5}
    row |= {"status": "refused" if usability is None else "ok", "source_file": "", "source_sha256": ""}
    return row | values


def job(rule, outputs, **values):
    shared = {"wildcards": {}, "settings": {}, "code": "c0de", "commit": "a" * 40, "modified": False}
    shared |= {"config": digest_of(1), "environment": digest_of(2), "inputs": {}}
    return Record(rule=rule, outputs=outputs, **(shared | values))


def made(**values):
    known = {"results": {}, "jobs": [], "given": {}, "devices": [], "datasets": {}, "configs": {}}
    return Made(**(known | {"environments": {}} | values))


def test_proposals_are_a_table_in_the_order_to_make_them():
    """Rank, five conditions, prediction, gain, chance, neighbour."""
    rows = [
        proposal(
            predicted_mean=0.43,
            predicted_std=0.08,
            expected_improvement=0.0152,
            probability_of_improvement=0.36,
            probability_to_beat_measured=0.08,
            nearest_device="d-5",
            nearest_value=0.503,
        ),
        proposal(rank=2, perovskite="FAPbI3"),
    ]
    reader = Reader(proposals_page(rows, CARD))
    assert ("title", "d-5") in reader.attributes  # the id, where the pointer rests on the name
    assert reader.rows[1][:6] == ["1", "MAPbI3", "1.5", "200", "15", "200"]
    nearest = "rank 3: MAPbI₃, 2 µm (0.503)"
    assert reader.rows[1][6:] == ["0.430 ± 0.080", "0.0152", "36%", "8%", nearest]
    assert reader.rows[2][0] == "2" and reader.rows[2][6:] == ["– ± –", "–", "–", "–", "none"]
    assert (
        "Fitted to 7 devices; 2 without a usability (1 of them failed), 1 with a condition unknown or a "
        "perovskite that the model cannot describe left out"
    ) in proposals_page(rows, CARD)


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("maximise", ["expected gain", "chance to beat best predicted", "chance to beat best measured"]),
        (
            "target",
            [
                "expected approach",
                "chance to come nearer than predicted",
                "chance to come nearer than measured",
            ],
        ),
    ],
)
def test_columns_say_what_an_improvement_is(goal, said):
    """A level is approached, not beaten."""
    reader = Reader(proposals_page([proposal()], CARD | {"goal": goal}))
    assert reader.rows[0][7:10] == said


def test_the_chance_that_a_device_works_is_a_column_where_it_is_not_1():
    """And devices without a finite reading are named."""
    rows = [proposal(), proposal(rank=2, probability_of_usability=0.62)]
    reader = Reader(proposals_page(rows, CARD))
    assert reader.rows[0][10] == "chance of usability"
    assert [row[10] for row in reader.rows[1:]] == ["100%", "62%"]
    assert "chance of usability" not in proposals_page(rows[:1], CARD)
    assert "finite number (odd-one)" in proposals_page(rows, CARD | {"not_finite": ["odd-one"]})


def test_nothing_left_to_make_adds_nothing():
    """No proposal is spoken of."""
    done = CARD | {"stopping": {"max_ei": 0.0, "statement": "Nothing is left to make."}}
    assert "proposal 1" not in proposals_page([], done)


def test_the_best_measured_device_stands_beside_what_the_model_expects():
    """Both have their name, and what proposal 1 may add; before a model only the device is there."""
    said = proposals_page([proposal()], CARD)
    assert "Best device measured: U = 0.843." in said
    assert "expects at most 0.636 at the conditions made; proposal 1 may add 0.079 to that." in said
    nothing = CARD | {"best": {"measured": CARD["best"]["measured"], "predicted": None}}
    assert "expects" not in proposals_page([proposal()], nothing)
    sought = proposals_page([proposal()], CARD | {"goal": "target"})
    assert "Device measured nearest to U = 0.5: U = 0.843." in sought
    assert "expects at the nearest 0.636" in sought and "may come nearer by 0.079." in sought


def test_devices_stand_best_first_and_the_others_with_their_reason():
    """Nobody is left out; the front page has the best five."""
    rows = [device(f"d{k}", 0.1 * k) for k in range(1, 8)] + [device("bad", None, reason="no cycles")]
    text = usability_page(rows, confidence=0.95)
    front = text.split(FRONT[0])[1].split(FRONT[1])[0]
    best = Reader(front)
    assert [row[0] for row in best.rows[1:]] == ["1", "2", "3", "4", "5"]
    # devices made alike are numbered in name order, and an id is not broken up in a column of a few letters
    assert [row[1] for row in best.rows[1:]] == [
        f"MAPbI₃, 1.5 µm, 200 nm, 15 min Pb, 200 nm Ag, no. {k}" for k in (8, 7, 6, 5, 4)
    ]
    assert [value for name, value in best.attributes if name == "title"] == ["d7", "d6", "d5", "d4", "d3"]
    found = [(row[0], row[-1]) for row in Reader(text).rows]
    assert found[7:14] == [(str(k), f"d{8 - k}") for k in range(1, 8)]
    assert Reader(text).rows[-1][:3] == ["bad", "refused", "no cycles"]
    assert "8 devices: 7 with a usability, 1 refused" in text


def test_devices_of_one_instrument_file_are_named_where_a_user_looks():
    """A file renamed after its import counts twice; devices without a known source are no copies."""
    rows = [device(name, 0.5, source_sha256=sha) for name, sha in (("old", "d1"), ("new", "d1"), ("x", "d2"))]
    rows += [device("u", 0.1), device("v", 0.2)]
    text = usability_page(rows, confidence=0.95)
    front = text.split(FRONT[0])[1].split(FRONT[1])[0]
    assert "new, old come from instrument files with one content" in front
    assert "check data/iv says which file to remove" in front
    assert ["new, old", "d1"] in Reader(text).rows
    assert "one content" not in usability_page(rows[1:], confidence=0.95)


@pytest.mark.parametrize("origins", [[], ["measured", "virtual"]], ids=["none", "both"])
def test_measured_and_virtual_devices_never_share_a_page(origins):
    """As for figures."""
    with pytest.raises(ValueError, match="one origin"):
        usability_page([device(o, 0.5, origin=o) for o in origins], confidence=0.95)


def test_provenance_says_where_results_differ_in_what_they_were_made_from():
    """Two commits behind one report are not hidden."""
    jobs = [
        job("stack", {"results/a.csv": "1" * 64}),
        job("draw", {"results/a.png": "2" * 64}, commit="b" * 40),
    ]
    text = provenance_page(made(results={"results/a.csv": "1" * 64, "results/x.csv": "3" * 64}, jobs=jobs))
    assert "2 commits are behind these results" in text
    rows = Reader(text).rows
    assert ["results/x.csv", "3" * 24, "no record", "", "", ""] in rows
    assert ["stack", "1", "1", "c0de", digest_of(1)[:12], "a" * 12] in rows


PAGES = {
    "proposals": lambda: proposals_page(
        [proposal(perovskite=HOSTILE, nearest_device=HOSTILE, nearest_value=0.1)],
        CARD
        | {
            "surrogate": HOSTILE,
            "table_sha256": HOSTILE,
            "stopping": CARD["stopping"] | {"statement": HOSTILE},
        },
    ),
    "usability": lambda: usability_page(
        [
            device(HOSTILE, 0.5, perovskite=HOSTILE, source_sha256=HOSTILE),
            device(HOSTILE + "2", 0.5, source_sha256=HOSTILE),
            device(HOSTILE, None, reason=HOSTILE, notes=HOSTILE, status="refused"),
        ],
        confidence=0.95,
    ),
    "provenance": lambda: provenance_page(
        made(
            results={HOSTILE: HOSTILE},
            jobs=[job(HOSTILE, {HOSTILE: HOSTILE}, commit=HOSTILE, code=HOSTILE, config=HOSTILE)],
            given={HOSTILE: HOSTILE},
            devices=[device(HOSTILE, 0.5, source_file=HOSTILE, source_sha256=HOSTILE)],
            datasets={HOSTILE: {"dataset": HOSTILE, "variant": HOSTILE}},
            configs={HOSTILE: {HOSTILE: HOSTILE}},
            environments={HOSTILE: {"python": HOSTILE, "packages": {HOSTILE: HOSTILE}}},
        )
    ),
    "table": lambda: page(HOSTILE, front=[table([Column(HOSTILE)], [[HOSTILE]], name=HOSTILE)]),
}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_what_comes_from_files_never_becomes_markup(name):
    """Device names, reasons, metadata and paths are text, whatever stands in them."""
    text = PAGES[name]()
    reader = Reader(text)
    assert not {"script", "img"} & set(reader.tags)
    assert not any(key.startswith("on") or key in ("src", "href") for key, _ in reader.attributes)
    assert text.count(FRONT[0]) == text.count(FRONT[1]) == 1


def test_a_page_needs_nothing_but_itself():
    """It opens without a network."""
    text = proposals_page([proposal()], CARD)
    assert "http" not in text and "url(" not in text and "<script" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Cs2AgBiBr6", "Cs<sub>2</sub>AgBiBr<sub>6</sub>"),
        (None, "unknown"),
        ("<b>'2", "&lt;b&gt;&#x27;2"),
    ],
    ids=["two numbers", "none", "markup"],
)
def test_formulas_have_their_numbers_below_the_line(text, said):
    """And entities stay whole."""
    assert formula(text) == said


def test_an_unknown_origin_is_refused():
    """An unlabelled page is worse than none."""
    with pytest.raises(ValueError, match="simulated"):
        badge("simulated")
