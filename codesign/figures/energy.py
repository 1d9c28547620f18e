"""Energy of a multiply-accumulate on the crossbar: by component, and the efficiency it comes to."""

from collections.abc import Mapping, Sequence

from codesign.crossbar.energy import COMPONENTS, REFERENCES
from codesign.figures.methods import head
from codesign.figures.style import (
    BLUE,
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
    engineering,
    house_style,
    log_ticks,
    new_figure,
    power_of_ten,
)

LOOKS = {
    "array": (VERMILION, "array: V² G t"),
    "dac": (SKY, "row converters and drivers"),
    "sense": (GREEN, "column amplifiers"),
    "adc": (BLUE, "column converters (ADC)"),
    "digital": (PURPLE, "registers, shift-and-add"),
}
"""Colour and name of each component."""
SHOWN = {
    "paper": "paper, array alone",
    "yao": "Yao et al.",
    "v100": "V100",
    "v100_tensor": "V100, tensor cores",
}
ROW_MM = 11.0


def draw_energy(
    rows: Sequence[Mapping], constants: Sequence[Mapping], *, evidence: str, device: str
) -> Drawing:
    """Energy of one multiply-accumulate as stacked bars, and efficiencies beside those of others.

    Args:
        rows: Rows of `codesign.schemas.energy.ENERGY`; all of one pulse.
        constants: `codesign.crossbar.energy.constant_rows`: the references drawn.
        evidence: simulated | measured.
        device: What the cells are, as the figure says it.

    Raises:
        ValueError: No row, or rows of several pulses.
    """
    if not rows:
        raise ValueError("no design to draw")
    made = {(row["read_voltage_v"], row["pulse_s"]) for row in rows}
    if len(made) > 1:
        raise ValueError(f"one figure shows one read pulse, got {sorted(made)}")
    [(voltage, pulse)] = made
    designs = list(dict.fromkeys((row["design"], row["coding"]) for row in rows))
    references = [row for row in constants if row["name"] in SHOWN]
    numbers = [dict(row) for row in rows]
    with house_style():
        height = 46 + ROW_MM * len(designs)
        figure = new_figure(TWO_COLUMNS_MM, height)
        under = (
            f"cells: {device}; read pulse {voltage:g} V, {engineering(pulse, 's')}; G: mean conductance, "
            "the paper's such that V² G t is its efficiency",
            "array by Yao et al.'s method; the rest from published or assumed constants of 8 bits, each with "
            "its source in the table beside",
        )
        head(figure, height, "Energy of one multiply-accumulate", under, evidence)
        tall = ROW_MM * len(designs)
        bars, points = axes_mm(figure, 50, 21, 58, tall), axes_mm(figure, 114, 21, 48, tall)
        shown = [row["value"] for row in references] + [row["gops_per_w"] for row in rows]
        reach = 3 * max([*shown, REFERENCES["paper"].value])
        for k, (design, coding) in enumerate(designs):
            mine = {
                row["component"]: row for row in rows if (row["design"], row["coding"]) == (design, coding)
            }
            start = 0.0
            for component in COMPONENTS:
                value = 1e12 * mine[component]["energy_j"]
                label = LOOKS[component][1] if k == 0 else None
                bars.barh(
                    k, value, left=start, height=0.62, color=LOOKS[component][0], label=label, gid=component
                )
                start += value
            share = 1e12 * mine["array"]["energy_j"] / start
            bars.text(start, k, f"  {start:.3g} pJ, array {100 * share:.2g} %", va="center", fontsize=5.5)
            array = mine["array"]
            _efficiency(points, k, array["gops_per_w"], array["array_gops_per_w"], reach)
        totals = [
            1e12 * sum(row["energy_j"] for row in rows if (row["design"], row["coding"]) == design)
            for design in designs
        ]
        bars.set(xlim=(0, 1.55 * max(totals)), xlabel="energy of one multiply-accumulate [pJ]")
        bars.set_title("a  by component")
        held = {(row["design"], row["coding"]): engineering(row["conductance_s"], "S") for row in rows}
        names = [f"{name}, G = {held[name, coding]}\n{_coded(coding)}" for name, coding in designs]
        bars.set_yticks(range(len(designs)), names, fontsize=6)
        bars.legend(
            loc="upper left",
            bbox_to_anchor=(-0.62, -0.95 / len(designs)),
            ncols=5,
            columnspacing=1.2,
            handlelength=1.0,
        )
        points.set(xscale="log", xlim=(min(shown) / 2.5, reach))
        log_ticks(points.xaxis)
        across = points.get_xaxis_transform()
        for k, row in enumerate(sorted(references, key=lambda row: row["value"])):
            points.axvline(
                row["value"],
                color=ORANGE if row["name"] == "paper" else GREY,
                lw=0.7,
                ls=(0, (3, 1.5)),
                zorder=1,
                gid=row["name"],
            )
            high = 1.01 + 2.6 * (k % 2) / tall  # neighbours stand at two heights
            name = SHOWN[row["name"]]
            points.text(
                row["value"], high, name, transform=across, fontsize=5.2, color=GREY, ha="center", va="bottom"
            )
            numbers.append(
                dict.fromkeys(numbers[0])
                | {"design": name, "component": "reference", "array_gops_per_w": row["value"]}
            )
        points.text(
            1.04, 1.01, "array alone", transform=points.transAxes, fontsize=5.2, color=GREY, va="bottom"
        )
        points.set_xlabel("GOPS/W: filled everything, hollow array alone")
        points.set_title("b", x=-0.03, y=1.0, pad=3)
        points.set_yticks([])
        for axes in (bars, points):
            axes.set_ylim(len(designs) - 0.45, -0.55)
            axes.grid(True, axis="x", color=PALE)
        return Drawing(figure, numbers)


def _efficiency(axes, y: float, everything: float, alone: float, reach: float) -> None:
    """Everything as a filled point with its number; the array alone hollow, or an arrow where it is far out.

    What the array alone would do is no machine, so that its number stands small at the side.
    """
    if alone <= reach:
        axes.plot([everything, alone], [y, y], color=GREY, lw=0.5, zorder=2)
        axes.plot([alone], [y], "o", mfc="white", mec=GREY, mew=0.7, ms=3.4, zorder=3, gid="alone")
    else:
        arrow = {"arrowstyle": "->", "color": GREY, "lw": 0.5, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", xy=(reach, y), xytext=(everything, y), arrowprops=arrow, zorder=2)
    axes.text(
        1.04, y, _short(alone), transform=axes.get_yaxis_transform(), fontsize=5.2, color=GREY, va="center"
    )
    axes.plot([everything], [y], "o", color=BLUE, mew=0, ms=4.6, zorder=3, gid="everything")
    behind = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    axes.text(
        everything, y - 0.2, _short(everything), ha="center", va="bottom", fontsize=6.5, color=BLUE,
        fontweight="bold", bbox=behind, zorder=4,
    )  # fmt: skip


def _coded(coding: str) -> str:
    return {"amplitude": "one pulse, 8-bit height", "serial": "eight one-bit pulses"}[coding]


def _short(value: float) -> str:
    """'2,868', or '3.1×10⁷' where digits would not fit."""
    return f"{value:,.0f}" if value < 1e6 else power_of_ten(float(f"{value:.1e}"))
