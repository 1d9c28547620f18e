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
        bars, points = axes_mm(figure, 50, 21, 60, tall), axes_mm(figure, 118, 21, 58, tall)
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
            alone, everything = mine["array"]["array_gops_per_w"], mine["array"]["gops_per_w"]
            points.plot([everything, alone], [k, k], color=GREY, lw=0.6, zorder=2)
            points.plot([alone], [k], "o", mfc="white", mec=VERMILION, mew=0.9, ms=4.2, zorder=3, gid="alone")
            points.plot([everything], [k], "o", color=BLUE, mew=0, ms=4.6, zorder=3, gid="everything")
            points.text(
                alone, k - 0.2, _short(alone), ha="center", va="bottom", fontsize=5.5, color=VERMILION
            )
            points.text(
                everything, k - 0.2, _short(everything), ha="center", va="bottom", fontsize=5.5, color=BLUE
            )
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
        efficiencies = [row[name] for row in rows for name in ("array_gops_per_w", "gops_per_w")]
        values = [*efficiencies, *(row["value"] for row in references)]
        points.set(
            xscale="log", xlim=(min(values) / 2.5, max(3.5 * max(values), 30 * REFERENCES["paper"].value))
        )
        log_ticks(points.xaxis)
        for row in sorted(references, key=lambda row: row["value"]):
            points.axvline(
                row["value"],
                color=ORANGE if row["name"] == "paper" else GREY,
                lw=0.7,
                ls=(0, (3, 1.5)),
                zorder=1,
                gid=row["name"],
            )
            along = {"rotation": 28, "rotation_mode": "anchor", "ha": "left", "va": "bottom"}
            across = points.get_xaxis_transform()
            name = f" {SHOWN[row['name']]}"
            points.text(row["value"], 1.015, name, transform=across, fontsize=5.2, color=GREY, **along)
            numbers.append(
                dict.fromkeys(numbers[0])
                | {"design": SHOWN[row["name"]], "component": "reference", "array_gops_per_w": row["value"]}
            )
        points.set_xlabel("GOPS/W: hollow array alone, filled everything")
        points.set_title("b", x=-0.03)
        points.set_yticks([])
        for axes in (bars, points):
            axes.set_ylim(len(designs) - 0.45, -0.55)
            axes.grid(True, axis="x", color=PALE)
        return Drawing(figure, numbers)


def _coded(coding: str) -> str:
    return {"amplitude": "one pulse, 8-bit height", "serial": "eight one-bit pulses"}[coding]


def _short(value: float) -> str:
    """'2,868', or '3.1×10⁷' where digits would not fit."""
    return f"{value:,.0f}" if value < 1e6 else power_of_ten(float(f"{value:.1e}"))
