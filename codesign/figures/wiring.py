"""The wiring of the crossbar as a drawing, made from the file that the driver reads.

`python -m codesign.figures.wiring profiles/bench/wiring.yaml docs/figures/bench-wiring.png` draws it anew.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from codesign.crossbar.wiring import Multiplexer, Wiring, read_wiring
from codesign.figures.style import (
    BLACK,
    BLUE,
    DPI,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    TWO_COLUMNS_MM,
    VERMILION,
    axes_mm,
    house_style,
    new_figure,
)
from codesign.files import replacing

HEIGHT_MM = 128.0
DRIVE, BIAS, LOGIC, SENSE, GROUND = VERMILION, BLUE, PURPLE, GREEN, GREY
"""Colour of each kind of wire."""
EDGE_MM = 34.0
"""Right edge of the instrument: where its pins are."""
ROWS_LEFT, ROWS_RIGHT = 78.0, 98.0
ARRAY_LEFT, ARRAY_RIGHT, ARRAY_BOTTOM, ARRAY_TOP = 108.0, 160.0, 82.0, 118.0
BANK_BOTTOM, BANK_TOP = 62.0, 71.0
SWITCH_MM, STAGE_TOP, STAGE_BOTTOM = 43.0, 35.0, 25.0


def draw_wiring(wiring: Wiring) -> Figure:
    """Instrument, multiplexers, array and transimpedance stages, with every pin and value of the file."""
    with house_style():
        figure = new_figure(TWO_COLUMNS_MM, HEIGHT_MM)
        axes = axes_mm(figure, 0, 0, TWO_COLUMNS_MM, HEIGHT_MM)
        axes.set(xlim=(0, TWO_COLUMNS_MM), ylim=(0, HEIGHT_MM))
        axes.set_axis_off()
        _box(axes, 3, 4, EDGE_MM - 3, HEIGHT_MM - 10)
        axes.text(5, HEIGHT_MM - 10, "Analog\nDiscovery 2", va="top", fontweight="bold")
        _rows(axes, wiring)
        _array(axes, wiring)
        _banks(axes, wiring)
        _supplies(axes, wiring)
    return figure


def _rows(axes: Axes, wiring: Wiring) -> None:
    _box(axes, ROWS_LEFT, ARRAY_BOTTOM - 3, ROWS_RIGHT - ROWS_LEFT, ARRAY_TOP - ARRAY_BOTTOM + 6)
    axes.text(
        (ROWS_LEFT + ROWS_RIGHT) / 2,
        (ARRAY_BOTTOM + ARRAY_TOP) / 2,
        "row\nmultiplexer",
        ha="center",
        va="center",
    )
    drive, bias = ARRAY_TOP, ARRAY_TOP - 8
    _pin(axes, drive, f"W{wiring.drive_output}", "drive")
    _wire(axes, [(EDGE_MM, drive), (48, drive)], DRIVE)
    axes.add_patch(Rectangle((48, drive - 1.2), 9, 2.4, fc="white", ec=DRIVE, lw=0.8))
    axes.text(
        52.5,
        drive + 2.2,
        f"{wiring.drive_resistance_ohm:g} Ω with switch",
        ha="center",
        fontsize=5.5,
        color=DRIVE,
    )
    _wire(axes, [(57, drive), (ROWS_LEFT, drive)], DRIVE)
    _pin(axes, bias, f"W{wiring.bias_output}", "bias")
    _wire(axes, [(EDGE_MM, bias), (ROWS_LEFT, bias)], BIAS)
    axes.text(52.5, bias + 1.2, "0 V in reads, half in pulses", ha="center", fontsize=5.5, color=BIAS)
    middle = (BANK_BOTTOM + BANK_TOP) / 2
    _wire(axes, [(75, bias), (75, middle), (ARRAY_LEFT - 3, middle)], BIAS)
    axes.plot([75], [bias], "o", ms=2.2, color=BIAS)
    _logic(axes, wiring.rows, ARRAY_TOP - 20, ROWS_LEFT)


def _array(axes: Axes, wiring: Wiring) -> None:
    rows, columns = wiring.shape
    order = [column for bank in wiring.columns for column in bank.lines]
    ys = [ARRAY_TOP - k * (ARRAY_TOP - ARRAY_BOTTOM) / max(rows - 1, 1) for k in range(rows)]
    xs = _column_places(wiring)
    for address, (row, y) in enumerate(zip(wiring.rows.lines, ys, strict=True)):
        _wire(axes, [(ROWS_RIGHT, y), (ARRAY_RIGHT + 2, y)], BLACK, width=0.5)
        axes.text(ROWS_RIGHT + 0.8, y + 0.4, f"{row}", fontsize=5)
        axes.text(ROWS_RIGHT - 0.6, y - 0.7, f"Y{address}", fontsize=4.5, color=GREY, ha="right")
    for column in order:
        x = xs[column]
        _wire(axes, [(x, ARRAY_TOP + 2), (x, BANK_TOP)], BLACK, width=0.5)
        axes.text(x + 0.5, BANK_TOP + 2.2, f"{column}", fontsize=5)
        for y in ys:
            axes.add_patch(Rectangle((x - 0.9, y - 0.9), 1.8, 1.8, fc=ORANGE, ec="none", zorder=3))
    axes.text(
        (ARRAY_LEFT + ARRAY_RIGHT) / 2,
        ARRAY_TOP + 4,
        f"{rows} × {columns} memristors",
        ha="center",
        fontweight="bold",
    )


def _column_places(wiring: Wiring) -> dict[int, float]:
    """Where each column stands: banks beside each other, with a gap between."""
    gap = 8.0 if len(wiring.columns) > 1 else 0.0
    step = (ARRAY_RIGHT - ARRAY_LEFT - gap) / max(wiring.shape[1] - 1, 1)
    places, x = {}, ARRAY_LEFT
    for bank in wiring.columns:
        for column in bank.lines:
            places[column] = x
            x += step
        x += gap - step if step > gap else gap
    scale = (ARRAY_RIGHT - ARRAY_LEFT) / (max(places.values()) - ARRAY_LEFT or 1)
    return {column: ARRAY_LEFT + (place - ARRAY_LEFT) * scale for column, place in places.items()}


def _banks(axes: Axes, wiring: Wiring) -> None:
    xs = _column_places(wiring)
    ends = []
    for number, bank in enumerate(wiring.columns):
        left, right = xs[bank.lines[0]] - 3, xs[bank.lines[-1]] + 3
        middle = (left + right) / 2
        _box(axes, left, BANK_BOTTOM, right - left, BANK_TOP - BANK_BOTTOM)
        axes.text(middle, BANK_BOTTOM + 2.6, "column multiplexer", ha="center", va="center")
        for address, column in enumerate(bank.lines):
            axes.text(xs[column], BANK_TOP - 2.2, f"Y{address}", fontsize=4.5, color=GREY, ha="center")
        if number:
            previous = xs[wiring.columns[number - 1].lines[-1]] + 3
            _wire(
                axes, [(previous, (BANK_BOTTOM + BANK_TOP) / 2), (left, (BANK_BOTTOM + BANK_TOP) / 2)], BIAS
            )
        _wire(axes, [(middle, BANK_BOTTOM), (middle, STAGE_TOP)], SENSE)
        _wire(axes, [(middle, SWITCH_MM), (middle + 5, SWITCH_MM)], SENSE)
        _wire(axes, [(middle + 5.5, SWITCH_MM), (middle + 8, SWITCH_MM + 1.6)], BLACK, width=0.8)
        _wire(
            axes, [(middle + 8.5, SWITCH_MM), (middle + 11, SWITCH_MM), (middle + 11, SWITCH_MM - 2)], GROUND
        )
        _earth(axes, middle + 11, SWITCH_MM - 2)
        _stage(axes, middle, bank)
        level = 19.0 - 5 * number
        _wire(axes, [(middle, STAGE_BOTTOM), (middle, level), (EDGE_MM, level)], SENSE)
        ends.append((bank, level, middle))
    for number, (bank, level, _) in enumerate(ends):
        _pin(axes, level, f"{bank.input}+", "input")
        _logic(axes, bank, 58.5 - 8 * number, xs[bank.lines[0]] - 3, via=number)
    low = 9.0
    _pin(axes, low, "1−, 2−", "")
    _wire(axes, [(EDGE_MM, low), (42, low), (42, low - 1.5)], GROUND)
    _earth(axes, 42, low - 1.5)
    line, level = f"DIO{wiring.ground_line}", wiring.ground_level
    low = 39.5
    _pin(axes, low, line, "")
    first = ends[0][2]
    _wire(axes, [(EDGE_MM, low), (first + 6.7, low), (first + 6.7, SWITCH_MM + 0.6)], LOGIC, dashed=True)
    if len(ends) > 1:
        _wire(
            axes,
            [(first + 6.7, low), (ends[1][2] + 6.7, low), (ends[1][2] + 6.7, SWITCH_MM + 0.6)],
            LOGIC,
            dashed=True,
        )
    axes.text(
        EDGE_MM + 1.5, low + 0.7, f"sense ground, {level} = columns on ground", fontsize=5.5, color=LOGIC
    )


def _stage(axes: Axes, x: float, bank) -> None:
    axes.add_patch(
        Polygon([(x - 5, STAGE_TOP), (x + 5, STAGE_TOP), (x, STAGE_BOTTOM)], fc=PALE, ec=BLACK, lw=0.7)
    )
    kind = "inverting" if bank.gain < 0 else "not inverting"
    said = f"transimpedance {bank.transimpedance_ohm / 1e3:g} kΩ\ngain {bank.gain:g} ({kind})"
    axes.text(x + 5.5, STAGE_TOP - 2.5, said, fontsize=5.5, va="top")


def _logic(axes: Axes, multiplexer: Multiplexer, y: float, x: float, *, via: int | None = None) -> None:
    lines = ", ".join(str(line) for line in multiplexer.address_lines)
    _pin(axes, y, f"DIO{lines}", "")
    _pin(axes, y - 3.5, f"DIO{multiplexer.enable_line}", "")
    said = f"address A0 to A{len(multiplexer.address_lines) - 1}; none selected at {multiplexer.idle_address}"
    if via is None:
        _wire(axes, [(EDGE_MM, y), (x, y)], LOGIC, dashed=True)
        _wire(axes, [(EDGE_MM, y - 3.5), (x, y - 3.5)], LOGIC, dashed=True)
    else:
        across = x + 4
        below = BANK_BOTTOM
        for k in range(2):
            level = y - 3.5 * k
            _wire(
                axes, [(EDGE_MM, level), (across + 2 * k, level), (across + 2 * k, below)], LOGIC, dashed=True
            )
    axes.text(EDGE_MM + 1.5, y + 0.7, said, fontsize=5.5, color=LOGIC)
    axes.text(EDGE_MM + 1.5, y - 2.8, f"enable, {multiplexer.enable_level} = on", fontsize=5.5, color=LOGIC)


def _supplies(axes: Axes, wiring: Wiring) -> None:
    volts = wiring.instrument.supply_v
    supply = (
        "board has a supply of its own"
        if volts is None
        else f"V+ {volts:g} V and V− −{volts:g} V power the board"
    )
    pulled = "10 kΩ from every DIO line to the board's +5 V: undriven lines are high"
    axes.text(52, 4.2, f"{supply}; all grounds meet in one point.\n{pulled}", fontsize=5.5)


def _box(axes: Axes, x: float, y: float, width: float, height: float) -> None:
    axes.add_patch(Rectangle((x, y), width, height, fc="#F7F7F7", ec=BLACK, lw=0.8))


def _pin(axes: Axes, y: float, name: str, said: str) -> None:
    axes.plot([EDGE_MM], [y], "s", ms=2.6, color=BLACK, zorder=4)
    axes.text(EDGE_MM - 1.5, y, f"{said} {name}".strip(), ha="right", va="center", fontsize=6)


def _wire(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    colour: str,
    *,
    width: float = 0.9,
    dashed: bool = False,
) -> None:
    xs, ys = zip(*points, strict=True)
    axes.plot(
        xs, ys, color=colour, lw=width, ls=(0, (2, 1.2)) if dashed else "-", solid_joinstyle="miter", zorder=2
    )


def _earth(axes: Axes, x: float, y: float) -> None:
    for k, half in enumerate((1.8, 1.1, 0.4)):
        _wire(axes, [(x - half, y - 0.7 * k), (x + half, y - 0.7 * k)], GROUND)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw a wiring file."""
    parser = argparse.ArgumentParser(prog="python -m codesign.figures.wiring", description=main.__doc__)
    parser.add_argument("wiring", type=Path, help="e.g. profiles/bench/wiring.yaml")
    parser.add_argument("png", type=Path, help="where the drawing goes")
    chosen = parser.parse_args(arguments)
    wiring = read_wiring(chosen.wiring)
    with replacing(chosen.png) as path:
        metadata = {"Software": None, "Wiring": wiring.digest}
        draw_wiring(wiring).savefig(path, format="png", dpi=DPI, metadata=metadata)


if __name__ == "__main__":
    main()
