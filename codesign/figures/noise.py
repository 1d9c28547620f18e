"""The noise a network is trained with: its search, and how it looks beside the noise of the devices."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np

from codesign.bayesmulti.methods import method_of
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.figures.methods import head, in_order, look_of_method
from codesign.figures.scores import CALIBRATIONS
from codesign.figures.style import (
    BLACK,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    TWO_COLUMNS_MM,
    VERMILION,
    Drawing,
    axes_mm,
    fit_text,
    fit_ylabel,
    house_style,
    new_figure,
    whole_ticks,
    wrapped,
)
from codesign.noise_search.record import lognormal_beyond, lognormal_density, multinomial_factors
from codesign.tasks.about import Metric

DODGE = 0.18
"""Between methods drawn beside each other, in trials."""
NAMED_ROUNDS, NUMBERED_ROUNDS = 8, 30
"""Most rounds named in full, and most numbered."""
LINE_MM = 2.3
"""Of a line in the table of choices."""
ABREAST = 6
"""Most aims beside each other in that table; further ones stand below."""
NARROW_MM = 27.0
"""A column narrower than this names site and starting scale on two lines."""
SYMBOLS = {"p_zero": "p₁", "p_half": "p₂", "sigma": "σ"}
"""Of parameters in that table; others by their own name."""
CURVES = (
    (VERMILION, "-"),
    (GREEN, (0, (4, 1.5))),
    (PURPLE, (0, (1, 1))),
    (ORANGE, (0, (3, 1, 1, 1))),
    (BLACK, (0, (6, 1))),
    (SKY, (0, (2, 1))),
)
"""Looks of the panel's devices, used again where there are more; none is BayesMulti's colour."""
POINTS = 500
"""Of a density curve."""
CHOICES_MM = 36.0
"""Where the first column of choices begins."""
ON = {"activation": "an activation", "weight": "a weight"}
KEY_MM = 9.0
"""Height of a device in the key."""
MOST_ROWS, ROW_MM, GAP_MM = 12, 10.5, 2.5
"""Most kinds of bars drawn, height of each where there are several, and what is between them."""
BAR_TOP = 1.5
"""Of the axis of probabilities: room for the number over a bar of height 1."""
LEAST_RIGHT = 3.0
"""Least right end of the axis of factors."""


def _budget(rounds: int, slots: int, methods: Sequence[str], listed: Collection[str]) -> str:
    """How many trials, and where they come from."""
    told = f"{rounds} round{'s' * (rounds > 1)} × {slots} trials"
    if set(methods) <= set(listed):
        return f"{told}, listed"
    some = [method_of(name).title for name in methods if name in listed]
    return f"{told}, the first space-filling" + (f", {', '.join(some)} listed" if some else "")


def _calibrated(kind: str) -> str:
    """What follows a programming."""
    return "" if kind == "none" else f", {CALIBRATIONS[kind]} after each"


def draw_search(
    trace: Sequence[Mapping],
    parameters: Sequence[Mapping],
    chosen: Sequence[Mapping],
    *,
    experiment: str,
    metric: Metric,
    devices: int,
    programmings: int,
    calibration: str,
    origin: str,
    listed: Collection[str] = (),
) -> Drawing:
    """Objective of every trial, the best so far, the parameters tried, and what was chosen for each aim.

    Args:
        trace: As `codesign.noise_search.record.search_trace` gives it.
        parameters: As `codesign.noise_search.record.searched_parameters` gives them.
        chosen: As `codesign.noise_search.record.choices` gives them.
        experiment: Its name.
        metric: What the objective is a mean of, turned so that larger is better.
        devices: Panel devices behind it.
        programmings: Of each.
        calibration: After each of them.
        origin: measured | virtual: the panel's devices.
        listed: Methods whose trials the configuration lists, instead of having them proposed.

    Raises:
        ValueError: There is no trial.
    """
    if not trace:
        raise ValueError(f"{experiment}: no method has a trial; search noise for one first")
    methods = in_order(row["method"] for row in trace)
    last, rounds = max(row["trial"] for row in trace), max(row["round"] for row in trace)
    slots = max(row["slot"] for row in trace)
    with house_style():
        table = _Table.of(chosen)
        low = 8 + table.height_mm
        height = 89 + low
        figure = new_figure(TWO_COLUMNS_MM, height)
        lines = (
            f"objective: mean {metric.title} on validation data over n = {devices} panel devices "
            f"× {programmings} programmings{_calibrated(calibration)}; "
            "same draws in every trial, no test data",
            f"the same budget for every method: {_budget(rounds, slots, methods, listed)}; "
            "trial 0: no noise, one a starting scale; ± over programmings",
        )
        head(figure, height, f"{experiment}: search of the training noise", lines, origin, on="devices")
        axes = axes_mm(figure, 14, 22 + low, 84, 44)
        for k, name in enumerate(methods):
            rows = [row for row in trace if row["method"] == name]
            _trace(axes, name, rows, DODGE * (k - (len(methods) - 1) / 2))
        for first in range(2, rounds + 1):
            axes.axvline((first - 1) * slots + 0.5, color=PALE, lw=0.6, zorder=0)
        if rounds <= NUMBERED_ROUNDS:
            for k in range(1, rounds + 1):
                axes.text(
                    (k - 0.5) * slots + 0.5,
                    1.0,
                    f"round {k}" if k == 1 or rounds <= NAMED_ROUNDS else str(k),
                    transform=axes.get_xaxis_transform(),
                    ha="center",
                    va="bottom",
                    fontsize=5.5,
                    color=GREY,
                )
        sign = "" if metric.better == "higher" else "−"
        axes.set(xlim=(-0.6, last + 0.6), xlabel="trial")
        axes.set_title("a  trials ± standard error; line: best so far", y=1.07)
        whole_ticks(axes.xaxis)
        axes.grid(True, axis="y")
        one = all(row["level"] is None for row in chosen)
        mark = {"color": GREY, "ls": "", "mew": 0.7, "mfc": "none"}
        axes.plot([], [], marker="*", ms=5.5, label="no noise (the ERM corner)", **mark)
        axes.plot([], [], marker="o", ms=6.5, label="chosen" if one else "chosen for a level (see c)", **mark)
        if any(row["objective"] is None for row in trace):
            axes.plot([], [], marker="x", ms=3, label="training failed", color=GREY, ls="", mew=0.7)
        axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.17), ncols=3, columnspacing=1.2)
        fit_ylabel(axes, f"objective (validation {sign}{metric.title})")
        _parameters(figure, low, methods, parameters)
        table.draw(figure, low)
    return Drawing(figure, _search_numbers(trace, parameters, chosen))


def _trace(axes, name: str, rows: Sequence[Mapping], shift: float) -> None:
    look = look_of_method(name)
    made = [row for row in rows if row["objective"] is not None]
    reached = [row for row in rows if row["best"] is not None]
    axes.step(
        [row["trial"] + shift for row in reached],
        [row["best"] for row in reached],
        where="post",
        color=look.colour,
        ls=look.line,
        lw=look.width,
        alpha=look.alpha,
        zorder=look.order - 1,
        gid=f"best {name}",
    )
    axes.errorbar(
        [row["trial"] + shift for row in made],
        [row["objective"] for row in made],
        yerr=[row["standard_error"] for row in made],
        color=look.colour,
        ls="",
        marker=look.marker,
        ms=look.size,
        mew=0,
        elinewidth=0.6,
        alpha=look.alpha,
        zorder=look.order,
        label=f"_{name}",  # an underscore keeps it out of the key, which shows marker and line
        gid=name,
    )
    key = {"ls": look.line, "lw": look.width, "marker": look.marker, "ms": look.size, "mew": 0}
    axes.plot([], [], color=look.colour, label=method_of(name).title, **key)
    for flag, marker, size in (("corner", "*", 6.5), ("chosen", "o", 6.5)):
        rings = [row for row in made if row[flag]]
        axes.plot(
            [row["trial"] + shift for row in rings],
            [row["objective"] for row in rings],
            marker,
            mfc="none" if flag == "chosen" else "white",
            mec=look.colour,
            mew=0.7,
            ms=size,
            zorder=look.order + 0.5,
            gid=f"{flag} {name}",
        )
    failed = [row["trial"] + shift for row in rows if row["objective"] is None]
    axes.plot(
        failed,
        [0.02] * len(failed),
        "x",
        transform=axes.get_xaxis_transform(),
        color=look.colour,
        ms=3,
        mew=0.7,
        gid=f"failed {name}",
    )


def _parameters(figure, low: float, methods: Sequence[str], parameters: Sequence[Mapping]) -> None:
    """One strip for each parameter: values tried as small marks, those chosen as large marks."""
    strips = [(name, parameter) for name in methods for parameter in method_of(name).parameters]
    axes = axes_mm(figure, 133, 22 + low, 44, 44, ylim=(len(strips) - 0.5, -0.5), xlim=(-0.04, 1.04))
    axes.set_title("b  parameters tried (small) and chosen (large)", x=-0.65, y=1.07)
    axes.set(xlabel="value / limit of the search", xticks=[0, 0.5, 1], yticks=[])
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    for y, (name, parameter) in enumerate(strips):
        look = look_of_method(name)
        rows = [row for row in parameters if (row["method"], row["parameter"]) == (name, parameter)]
        tried = [row["share"] for row in rows if row["kind"] == "tried"]
        chosen = [row["share"] for row in rows if row["kind"] == "chosen"]
        axes.axhline(y, color=PALE, lw=0.5, zorder=0)
        axes.plot(tried, [y] * len(tried), "|", color=look.colour, ms=5, mew=0.6, alpha=0.55)
        axes.plot(
            chosen,
            [y] * len(chosen),
            look.marker,
            color=look.colour,
            ms=4.2,
            mew=0,
            gid=f"{name} {parameter}",
        )
        axes.text(-0.09, y, method_of(name).parameters[parameter], ha="right", va="center", fontsize=6)
    for name in methods:
        mine = [y for y, (method, _) in enumerate(strips) if method == name]
        limit = next(row["limit"] for row in parameters if row["method"] == name)
        said = f"p₁ + p₂ ≤ {limit:g}" if len(mine) > 1 else f"≤ {limit:g}"
        below = {"xytext": (0, -6.5), "textcoords": "offset points", "fontsize": 5, "color": GREY}
        below["annotation_clip"] = False
        axes.annotate(said, (-0.09, mine[-1]), ha="right", va="center", **below)


class _Table(NamedTuple):
    """What each method trains with for each aim, searched methods and those beside them."""

    methods: Sequence[str]
    blocks: Sequence[Sequence[Mapping]]
    """Aims that stand beside each other, each by one of its rows."""
    cells: Mapping[tuple[str, str], Sequence[str]]
    """(method, aim) to lines."""
    column_mm: float

    @classmethod
    def of(cls, chosen: Sequence[Mapping]) -> Self:
        """The table of rows as `codesign.noise_search.record.choices` gives them."""
        aims = list({row["aim"]: row for row in chosen}.values())
        blocks = [aims[first : first + ABREAST] for first in range(0, len(aims), ABREAST)]
        column = (TWO_COLUMNS_MM - 18 - CHOICES_MM) / max(1, *map(len, blocks))
        cells = {(row["method"], row["aim"]): _choice_said(row, narrow=column < NARROW_MM) for row in chosen}
        return cls(in_order(row["method"] for row in chosen), blocks, cells, column)

    def _row_mm(self, method: str) -> float:
        lines = max(len(said) for (name, _), said in self.cells.items() if name == method)
        return LINE_MM * lines + 1.6

    @property
    def height_mm(self) -> float:
        """Of all blocks, each with its line of aims."""
        return len(self.blocks) * (6.5 + sum(map(self._row_mm, self.methods)))

    def draw(self, figure, low: float) -> None:
        """Draw it at the foot of a figure, below `low` mm."""
        width = TWO_COLUMNS_MM - 18
        axes = axes_mm(figure, 14, 2, width, low - 6, xlim=(0, width), ylim=(low - 6, 0))
        axes.axis("off")
        title = "c  chosen on validation data: noise, site and starting scale (layers: least to most)"
        axes.text(
            0, -1.2, title, ha="left", va="bottom", fontweight="bold", fontsize=axes.title.get_fontsize()
        )
        y = 0.0
        for block in self.blocks:
            for k, row in enumerate(block):
                x = CHOICES_MM + k * self.column_mm
                axes.text(x, y + 5.6, _aim_said(row), ha="left", va="bottom", fontsize=5.5, color=GREY)
            y += 6.3
            for name in self.methods:
                axes.axhline(y, color=PALE, lw=0.5)
                look, middle = look_of_method(name), y + self._row_mm(name) / 2
                axes.plot([1.2], [middle], look.marker, color=look.colour, ms=look.size, mew=0, clip_on=False)
                axes.text(3.5, middle, method_of(name).title, ha="left", va="center", fontsize=6)
                for k, row in enumerate(block):
                    said = "\n".join(self.cells.get((name, row["aim"]), ()))
                    x = CHOICES_MM + k * self.column_mm
                    written = axes.text(x, middle, said, ha="left", va="center", fontsize=5.5)
                    fit_text(written, self.column_mm - 1)
                y += self._row_mm(name)


def _aim_said(row: Mapping) -> str:
    if row["level"] is None:
        return "the whole panel"
    known = f"U = {row['usability']:.2f}"
    return f"level {row['aim']}\n{known}" + (
        f", F = {row['fidelity']:.2f}" if row["fidelity"] is not None else ""
    )


def _choice_said(row: Mapping, *, narrow: bool) -> list[str]:
    """A choice, line by line."""
    start = f"start × {row['initial_scale']:g}"
    if row["site"] is None:
        return ["no noise", start]
    names = [SYMBOLS.get(name, name.replace("_", " ")) for name in method_of(row["method"]).parameters]
    values = [
        f"{name} = {low:.2f}" + ("" if low == high else f" to {high:.2f}")
        for name, low, high in zip(names, row["least"], row["most"], strict=True)
    ]
    ranges = any(low != high for low, high in zip(row["least"], row["most"], strict=True))
    site = f"{row['site']}s"
    return [
        *(values if ranges or narrow else [", ".join(values)]),
        *([site, start] if narrow else [f"{site}, {start}"]),
    ]


def _search_numbers(
    trace: Sequence[Mapping], parameters: Sequence[Mapping], chosen: Sequence[Mapping]
) -> list[dict]:
    told = [
        {
            **row,
            "least": " ".join(f"{v:g}" for v in row["least"]),
            "most": " ".join(f"{v:g}" for v in row["most"]),
        }
        for row in chosen
    ]
    parts = [("trial", trace), ("parameter", parameters), ("choice", told)]
    names = dict.fromkeys(["panel", *(name for _, rows in parts for row in rows[:1] for name in row)])
    return [names | {"panel": panel} | row for panel, rows in parts for row in rows]


def draw_noise(
    networks: Mapping[str, NoiseSpec], panel: Sequence[Mapping], *, experiment: str, origin: str
) -> Drawing:
    """Factors that training multiplies by, over the factors that programming the panel's devices does.

    Args:
        networks: Name of an aim to the noise its network is trained with, which is multinomial or none.
        panel: Rows of `codesign.schemas.profile.PROFILE`.
        experiment: Its name.
        origin: measured | virtual: the panel's devices.

    Raises:
        ValueError: Noise that is not multinomial, or no network.
    """
    every = [layer for spec in networks.values() for layer in spec.layers]
    others = {layer.kind for layer in every if not isinstance(layer, MultinomialNoise)}
    if others or not networks:
        raise ValueError(f"multinomial noise is drawn, got {', '.join(sorted(others)) or 'no network'}")
    drawn = _alike(networks)
    numbers: list[dict] = []
    largest = max((factor for each in drawn for factor, _ in _factors(each.noise)), default=1.0)
    right = max(LEAST_RIGHT, 1.15 * largest)
    title = method_of("bayesmulti").title
    sites = {spec.site for spec in networks.values() if spec.layers}
    rows = drawn[:MOST_ROWS]
    low_mm = max(25.0, KEY_MM * len(panel))
    row_mm = 25.0 if len(rows) == 1 else ROW_MM
    high_mm = len(rows) * (row_mm + GAP_MM) - GAP_MM
    height = 46 + high_mm + low_mm
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, height)
        lines = (
            f"{title}: probability of each factor on a component where noise acts, in training only"
            + ("" if list(networks) == ["panel"] else "; aims whose networks are alike stand together"),
            f"programming: density of exp(σ z), z ~ N(0, 1), on a weight, for the n = {len(panel)} panel "
            "devices of the search",
        )
        head(
            figure,
            height,
            f"{experiment}: noise in training and noise of the devices",
            lines,
            origin,
            on="devices",
        )
        above = []
        for k, each in enumerate(rows):
            bottom = 26 + low_mm + high_mm - row_mm - k * (row_mm + GAP_MM)
            above.append(axes_mm(figure, 14, bottom, 92, row_mm))
            numbers += _bars(above[-1], each, right, f"bars {k}")
        for each in drawn[MOST_ROWS:]:
            numbers += _bar_numbers(each)
        below = axes_mm(figure, 14, 12, 92, low_mm)
        above[0].set_title("a  training noise of the chosen specifications, divided by its mean")
        above[len(above) // 2].set_ylabel("probability")
        below.set_title("b  programming noise of the panel's devices")
        below.set_ylabel("probability density")
        factors = np.linspace(right / POINTS, right, POINTS)
        for k, profile in enumerate(sorted(panel, key=lambda row: -row["usability"])):
            # where colours run out they are used again with another line
            look = CURVES[k % len(CURVES)][0], CURVES[(k + k // len(CURVES)) % len(CURVES)][1]
            numbers += _density(below, profile, factors, look)
        below.set_ylim(bottom=0)
        for axes in (*above, below):
            axes.set_xlim(-0.04 * right, right)
            axes.axvline(1, color=GREY, lw=0.5, ls=(0, (1, 1.5)), zorder=0)
            axes.grid(True)
        for axes in above[:-1]:
            axes.tick_params(labelbottom=False)
        below.legend(loc="upper left", bbox_to_anchor=(1.03, 1.02), labelspacing=0.6)
        said = f"factor on {ON[sites.pop()] if len(sites) == 1 else 'an activation or a weight'}"
        if len(drawn) > len(rows):
            said += f"; {len(drawn) - len(rows)} further layers: see the table"
        above[-1].set_xlabel(said)
        below.set_xlabel("factor on a weight")
        return Drawing(figure, numbers)


class _Drawn(NamedTuple):
    """Bars of one kind: layers with one noise, of networks that are alike."""

    aims: str
    site: str
    noise: MultinomialNoise | None
    """None: trained without."""
    places: Sequence[int]
    """Layers, from 1."""


def _alike(networks: Mapping[str, NoiseSpec]) -> list[_Drawn]:
    aims: dict[tuple, list[str]] = {}
    for aim, spec in networks.items():
        aims.setdefault((spec.site, spec.layers), []).append(aim)
    found = []
    for (site, layers), names in aims.items():
        said = "" if names == ["panel"] else f"level{'s' * (len(names) > 1)} {', '.join(names)}"
        if not layers:
            found.append(_Drawn(said, site, None, ()))
        for noise in dict.fromkeys(layers):
            places = [k for k, layer in enumerate(layers, 1) if layer == noise]
            found.append(_Drawn(said, site, noise, places))
    return found


def _noise_number(panel: str, **values) -> dict:
    names = (
        "panel",
        "aims",
        "site",
        "layers",
        "p_zero",
        "p_half",
        "profile",
        "usability",
        "sigma",
        "factor",
        "value",
    )
    return dict.fromkeys(names) | {"panel": panel} | values


def _factors(noise: MultinomialNoise | None) -> list[tuple[float, float]]:
    """(factor, probability), the factor 1 alone where there is no noise."""
    if noise is None:
        return [(1.0, 1.0)]
    return multinomial_factors(p_zero=noise.p_zero, p_half=noise.p_half)


def _bars(axes, each: _Drawn, right: float, gid: str) -> list[dict]:
    """A row of the upper panel: bars where the factors are, what they are beside them."""
    found, noise = _factors(each.noise), each.noise
    label = "no noise"
    if noise is not None:
        label = f"{each.site}s, layer{'s' * (len(each.places) > 1)} {_places(each.places)}:\n"
        label += f"p₁ = {_short(noise.p_zero)}, p₂ = {_short(noise.p_half)}"
    if each.aims:
        label = f"{wrapped(each.aims, 44, lines=2)}: {label}"
    axes.bar(
        [factor for factor, _ in found],
        [probability for _, probability in found],
        width=0.022 * right,
        color=look_of_method("bayesmulti").colour,
        gid=gid,
    )
    for factor, probability in found:
        said = {"ha": "center", "va": "bottom", "fontsize": 5.5, "clip_on": False}
        axes.annotate(
            _short(probability), (factor, probability), xytext=(0, 1), textcoords="offset points", **said
        )
    axes.set(ylim=(0, BAR_TOP), yticks=[0, 0.5, 1])
    where = {"transform": axes.transAxes, "ha": "left", "va": "center", "fontsize": 6}
    axes.text(1.03, 0.5, label, **where)
    return _bar_numbers(each)


def _bar_numbers(each: _Drawn) -> list[dict]:
    noise = each.noise
    return [
        _noise_number(
            "training",
            aims=each.aims or "panel",
            site=each.site,
            layers=_places(each.places),
            p_zero=0.0 if noise is None else noise.p_zero,
            p_half=0.0 if noise is None else noise.p_half,
            factor=factor,
            value=probability,
        )
        for factor, probability in _factors(noise)
    ]


def _short(share: float) -> str:
    """Three digits, and no power of ten for next to nothing."""
    return f"{share:.3g}" if share == 0 or share >= 0.0005 else "0.000"


def _places(places: Sequence[int]) -> str:
    """'1', '1, 3', '1 to 5'."""
    if len(places) > 2 and list(places) == list(range(places[0], places[-1] + 1)):
        return f"{places[0]} to {places[-1]}"
    return ", ".join(map(str, places))


def _density(axes, profile: Mapping, factors: np.ndarray, look: tuple) -> list[dict]:
    colour, line = look
    sigma = profile["sigma"]
    beyond = lognormal_beyond(float(factors[-1]), sigma)
    label = f"{wrapped(profile['profile'], 40, lines=2)}\nU = {profile['usability']:.2f}, σ = {sigma:.2f}" + (
        f"; {beyond * 100:.2g} % beyond the axis" if beyond >= 1e-3 else ""
    )
    given = {"profile": profile["profile"], "usability": profile["usability"], "sigma": sigma}
    if sigma == 0:
        axes.axvline(1, color=colour, ls=line, lw=1.0, label=label, gid=profile["profile"])
        return [_noise_number("programming", **given, factor=1.0)]
    density = lognormal_density(factors, sigma)
    axes.plot(factors, density, color=colour, ls=line, lw=1.0, label=label, gid=profile["profile"])
    return [
        _noise_number("programming", **given, factor=float(x), value=float(y))
        for x, y in zip(factors, density, strict=True)
    ]
