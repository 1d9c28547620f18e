"""What all figures share: files, badge, labels, ticks."""

import math
import re
import zlib
from io import BytesIO
from xml.etree import ElementTree

import pytest
from fontTools.subset import Options
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from codesign.figures.embedding import LAYOUT
from codesign.figures.style import (
    ORIGINS,
    SMALLEST,
    axes_mm,
    badge,
    engineering,
    fit_text,
    fit_ylabel,
    house_style,
    log_ticks,
    new_figure,
    origin_of,
    power_of_ten,
    save,
    text_mm,
    whole_ticks,
    wrapped,
)
from codesign.labels import called, conditions_label, formula, short_labels


def _plot():
    with house_style():
        figure = new_figure(40, 30)
        figure.subplots().plot([1, 2, 3], [2, 1, 2])
        badge(figure, "virtual")
        return figure


def test_the_same_figure_gives_the_same_bytes_without_a_date(tmp_path):
    """Snakemake compares files by their bytes, and a date in one would say that results moved."""
    for name in ("a", "b"):
        save(_plot(), *(tmp_path / f"{name}.{kind}" for kind in ("pdf", "png", "svg")))
    pdf, png, svg = ((tmp_path / f"a.{kind}").read_bytes() for kind in ("pdf", "png", "svg"))
    assert (pdf, png, svg) == tuple((tmp_path / f"b.{kind}").read_bytes() for kind in ("pdf", "png", "svg"))
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    assert png.startswith(b"\x89PNG\r\n\x1a\n") and png[-8:-4] == b"IEND"
    assert b"CreationDate" not in pdf and b"tEXt" not in png and b"dc:date" not in svg


def test_an_svg_is_one_file_of_this_size_that_needs_no_font(tmp_path):
    """What is edited elsewhere looks there as it looks here: outlines, no address but its own parts'."""
    figure = _plot()
    figure.axes[0].imshow([[0, 1], [1, 0]])
    save(figure, *(tmp_path / f"f.{kind}" for kind in ("pdf", "png", "svg")))
    root = ElementTree.parse(tmp_path / "f.svg").getroot()
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert "text" not in tags and "use" in tags and "image" in tags
    assert float(root.get("width").removesuffix("pt")) == pytest.approx(40 / 25.4 * 72)
    links = [value for each in root.iter() for name, value in each.items() if name.endswith("href")]
    assert links and all(link.startswith(("#", "data:image/png;base64,")) for link in links)


def test_a_figure_has_the_size_asked_for(tmp_path):
    """Sizes are given in millimetres because a journal gives them so."""
    width, height = new_figure(88, 60).get_size_inches() * 25.4
    assert (width, height) == (pytest.approx(88), pytest.approx(60))


def test_settings_of_the_user_neither_reach_a_figure_nor_are_changed():
    """A matplotlibrc in a home folder must not change a published figure."""
    import matplotlib

    with matplotlib.rc_context({"font.size": 33, "axes.grid": True}):
        with house_style():
            assert matplotlib.rcParams["font.size"] < 10
            assert not matplotlib.rcParams["axes.grid"]
        assert matplotlib.rcParams["font.size"] == 33


def test_a_figure_is_not_left_behind_where_one_of_its_files_cannot_be_written(tmp_path):
    """Half a figure would look like a finished job."""
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OSError):
        save(_plot(), tmp_path / "x.pdf", tmp_path / "taken.png")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("origin", sorted(ORIGINS))
def test_a_badge_says_where_devices_come_from(origin, texts):
    """A synthetic figure must never pass for a measured one."""
    figure = new_figure(50, 30)
    badge(figure, origin)
    assert texts(figure) == [ORIGINS[origin][0]]
    assert ("virtual laboratory" in texts(figure)[0]) == (origin == "virtual")


def test_an_unknown_origin_is_refused():
    """An unlabelled figure is worse than none."""
    with pytest.raises(ValueError, match="imagined"):
        badge(new_figure(50, 30), "imagined")


def test_measured_and_virtual_devices_never_share_a_figure(device_row):
    """The two must not be compared by accident."""
    rows = [device_row("a", 0.5), device_row("b", 0.5, origin="virtual")]
    with pytest.raises(ValueError, match="measured, virtual"):
        origin_of(rows)
    assert origin_of([]) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MAPbI3", "MAPbI₃"),
        ("Cs2AgBiBr6", "Cs₂AgBiBr₆"),
        ("CH3NH3PbI3", "CH₃NH₃PbI₃"),
        ("", "unknown"),
        (None, "unknown"),
    ],
    ids=["MAPbI3", "two numbers", "organic", "empty", "none"],
)
def test_formulas_have_their_numbers_below_the_line(text, said):
    """As chemists write them."""
    assert formula(text) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2.7e-5, "27 µA"),
        (2.634e-3, "2.63 mA"),
        (1.0, "1 A"),
        (9.9999e-7, "1 µA"),
        (3e-10, "300 pA"),
        (0.0, "0 A"),
    ],
    ids=["micro", "milli", "one", "just below a prefix", "pico", "zero"],
)
def test_currents_are_said_with_a_prefix(value, said):
    """A person reads 27 µA, not 2.7e-05."""
    assert engineering(value, "A") == said


def test_conditions_name_what_is_not_known(device_row):
    """A gap in the notebook shows as a gap, not as a zero."""
    row = device_row("a", 0.5)
    assert conditions_label(row) == "MAPbBr₃, 1 µm, 250 nm, 10 min Pb, 100 nm Ag"
    assert conditions_label(row | {"pb_min": None}) == "MAPbBr₃, 1 µm, 250 nm, ? min Pb, 100 nm Ag"
    empty = dict.fromkeys(("perovskite", "length_um", "diameter_nm", "pb_min", "ag_nm"))
    assert conditions_label(row | empty) == "conditions unknown"


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.6, 1.0]),
            st.sampled_from(["", "probe", "paste"]),
            st.sampled_from([None, 4.0, 6.0]),
        ),
        max_size=12,
    )
)
def test_every_device_has_a_label_of_its_own(kinds):
    """Two rows of a ranking with one label could not be told apart."""
    rows = [
        {
            "device": f"d{k}",
            "perovskite": "MAPbI3",
            "length_um": length,
            "diameter_nm": 200.0,
            "pb_min": 15.0,
            "ag_nm": 200.0,
            "contact": contact,
            "v_max_v": volts,
        }
        for k, (length, contact, volts) in enumerate(kinds)
    ]
    labels = short_labels(rows)
    assert set(labels) == {row["device"] for row in rows}
    assert len(set(labels.values())) == len(rows)


@pytest.mark.parametrize(
    ("value", "said"),
    [(1e-6, "10⁻⁶"), (2e-6, "2×10⁻⁶"), (1e3, "10³"), (1.0, "10⁰")],
    ids=["decade", "between", "large", "one"],
)
def test_powers_of_ten_are_written_out(value, said):
    """Ticks of a log axis."""
    assert power_of_ten(value) == said


@given(st.floats(-14, 3), st.floats(0.01, 12))
def test_a_log_axis_has_a_handful_of_ticks_in_its_limits(low, span):
    """Whatever the decades: neither an axis without a number nor a black bar."""
    axes = new_figure(50, 40).subplots()
    axes.set_yscale("log")
    axes.set_ylim(10**low, 10 ** (low + span))
    log_ticks(axes.yaxis)
    ticks = axes.yaxis.get_majorticklocs()
    assert 2 <= len(ticks) <= 9
    assert all(10**low * (1 - 1e-9) <= tick <= 10 ** (low + span) * (1 + 1e-9) for tick in ticks)
    assert len({power_of_ten(tick) for tick in ticks}) == len(ticks)
    assert all(math.isfinite(tick) for tick in axes.yaxis.get_minorticklocs())


@pytest.mark.parametrize("last", [1, 2, 43, 300])
def test_an_axis_that_counts_has_whole_ticks(last):
    """There is no half a device."""
    axes = new_figure(50, 40).subplots()
    axes.set_xlim(0.5, last + 0.5)
    whole_ticks(axes.xaxis)
    ticks = axes.get_xticks()
    assert all(tick == round(tick) for tick in ticks)
    assert any(0.5 <= tick <= last + 0.5 for tick in ticks)


def test_text_that_is_cut_says_so():
    """A reader must see that there was more."""
    cut = wrapped("one two three four five six seven", 10, lines=2)
    assert cut.count("\n") == 1 and cut.endswith("…")
    assert wrapped("short", 10, lines=2) == "short"


def test_a_pdf_embeds_letters_and_not_how_they_are_set(tmp_path):
    """Fonts that layout tables were left out of; fontTools is as before afterwards."""
    before = list(Options._drop_tables_default)
    with house_style():
        figure = new_figure(60, 40)
        figure.text(0.2, 0.5, "Ag 100 µm, σ = 0.3, VAV fi")
    save(figure, tmp_path / "f.pdf", tmp_path / "f.png")
    assert Options._drop_tables_default == before
    streams = [
        zlib.decompress(part)
        for part in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", (tmp_path / "f.pdf").read_bytes(), re.S)
        if part[:1] == b"\x78"
    ]
    fonts = [TTFont(BytesIO(part)) for part in streams if part[:4] == b"\x00\x01\x00\x00"]
    assert fonts and all("glyf" in font and not set(LAYOUT) & set(font.keys()) for font in fonts)


@pytest.mark.parametrize("length", [1, 6, 25])
def test_a_label_keeps_to_its_axis_whatever_its_length(length):
    """Two or three lines, then smaller ones, and in the end an ellipsis; numbers stay on the page."""
    with house_style():
        figure = new_figure(60, 50)
        axes = axes_mm(figure, 9, 8, 45, 30)
        axes.plot([0, 1], [-0.00125, 0.00125])
        fit_ylabel(axes, " ".join(["square error"] * length))
        label, renderer = axes.yaxis.label, figure.canvas.get_renderer()
        assert label.get_window_extent(renderer).height <= axes.bbox.height
        assert label.get_fontsize() >= SMALLEST
        assert axes.yaxis.get_tightbbox(renderer).x0 >= 1 / 25.4 * figure.dpi - 1
        assert axes.get_position().x1 * 60 == pytest.approx(54)
        assert ("…" in label.get_text()) == (length == 25)
        assert (label.get_text() == "square error") == (length == 1)


def test_a_line_that_is_too_long_gets_smaller_and_then_shorter():
    """It ends where it must."""
    with house_style():
        figure = new_figure(60, 20)
        for words, cut in ((3, False), (9, False), (40, True)):
            text = text_mm(figure, 4, 4, "error " * words)
            fit_text(text, 50)
            assert text.get_window_extent().width <= 50 / 25.4 * figure.dpi
            assert text.get_text().endswith("…") == cut


def test_ranks_and_labels_are_those_of_all_devices_the_best_first(device_row):
    """Card, ranking and workbook call a device alike; one without a usability has a label and no rank."""
    rows = [device_row("b", 0.5), device_row("z", None), device_row("a", 0.5), device_row("c", 0.9)]
    found = called(rows)
    assert list(found) == ["c", "a", "b", "z"] and [each.rank for each in found.values()] == [1, 2, 3, None]
    assert {device: each.label for device, each in found.items()} == short_labels(rows)
