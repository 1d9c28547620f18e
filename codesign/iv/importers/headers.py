"""Column headers: which quantity, unit and cycle a name says."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from codesign.iv.importers.units import FACTOR, unit_of

COMMENTS = ("#", "%", "//")
"""What comments begin with."""
SIGN = re.compile(r"^(?:[#%]|//)+")
COUNTED = r"(?:[ _-]?(?:no\.?|nr\.?|number|index|id))"
TERMINAL = r"(?:anode|drain|te|top[ _-]?electrode|smu[ _-]?[\dab]?|(?:ch|channel)[ _-]?[\dab])"
NAMES = {
    "voltage": r"v|u|vd|vds|av|e|ewe|ece|volts?|voltages?|bias|potential"
    r"|(?:v|volt|voltage)[ _-]?(?:source|applied|dut|set|meas|measured)"
    rf"|(?:source|applied|bias|measured)[ _]?(?:v|voltage)|{TERMINAL}[ _.]?(?:v|volts?|voltage)"
    rf"|[vu][ _.-]?{TERMINAL}|spannung",
    "current": r"i|<i>|ai|id|ids|curr|currents?|(?:i|current)[ _-]?(?:meas|measured|dut|read)"
    rf"|(?:measured|read)[ _]?(?:i|current)|(?:{TERMINAL}|cathode)[ _.]?(?:i|curr|current)"
    rf"|i[ _.-]?(?:{TERMINAL}|cathode)|strom",
    "time": r"t|time|x_value|timestamp|zeit",
    "cycle": rf"cycles?|sweep|loop|repeat|run|scan|zyklus|(?:cycle|sweep|loop|repeat|run|scan){COUNTED}",
    "pulse": rf"pulses?|pulse{COUNTED}",
    "conductance": r"g|conductance|read[ _]conductance",
    "resistance": r"r|resistance|r[ _-]?read|read[ _]resistance",
    "applied": r"(?:potential|voltage)[ _]applied|applied[ _]potential|control",
    "amplitude": r"(?:pulse|write|writing|program(?:ming)?)[ _-]?(?:amplitude|voltage|height|v)|amplitude"
    r"|v[ _-]?(?:pulse|write|prog)",
    "read_voltage": r"read(?:ing)?[ _-]?(?:voltage|v|bias)|v[ _-]?read",
    "phase": r"phase|ltp[ /_-]?ltd|pulse[ _]?(?:type|polarity|direction)|direction|operation|polarity|type",
    "device": r"(?:device|sample|chip|die|wafer|cell|dut|memristor|site|pad)(?:[ _-]?(?:name|label))?"
    rf"|(?:device|sample|chip|die|wafer|cell|dut|memristor|site|pad){COUNTED}"
    rf"|(?:wl|bl|(?:word|bit)[ _-]?line){COUNTED}?",
    "unit": r"(?:.*[ _-])?units?",
}
OF_A_TERMINAL = re.compile(
    rf"(?P<behind>{TERMINAL})[ _.-]*(?:[vui]|volts?|voltage|curr|current)"
    rf"|[vui][ _.-]?(?P<before>{TERMINAL})",
    re.IGNORECASE,
)
MAIN = ("voltage", "current", "time", "cycle", "pulse", "conductance", "resistance")
"""Quantities that tell a row of names from settings."""
RUN = re.compile(rf"(?:run|scan){COUNTED}?", re.IGNORECASE)
"""A name of a cycle column that often means the whole file instead."""
READ_CURRENT = re.compile(r"(?:i|current)[ _-]?read|read[ _-]?(?:i|current)", re.IGNORECASE)
CHANNEL = re.compile(r"[vui]\d", re.IGNORECASE)
"""`V1`, `I1`: of one pair the number is the channel's, as EasyEXPERT names it."""
CYCLE_COLUMN = re.compile(
    r"(?:(?:current|curr|i|id|strom)[ _-]*)?(?:cycle|sweep|loop|run|zyklus)?[ _-]*(\d+)", re.IGNORECASE
)
VOLTAGE_COLUMN = re.compile(
    r"(?:voltage|volt|v|vd|u|spannung)[ _-]*(?:cycle|sweep|loop|run|zyklus)?[ _-]*(\d+)", re.IGNORECASE
)
INDEXED = re.compile(r"(?:\w+\.)?([VI])\[\d+\]\[(\d+)\]", re.IGNORECASE)
"""`Smu1.V[1][4]`: the second number counts the cycles."""
LOGARITHM = re.compile(r"(?:log(?:_?10)?|lg|ln)(?:[\s_|(]|i\b|abs|$)", re.IGNORECASE)
REMARK = re.compile(
    r"|(?-i:U)|v|i|id|vd|(?:meas(?:ured)?|set|source|applied|drain|dut|bias|dc|raw|forward|backward|up|down|trigger)"
    r"|(?:ch|channel|smu|cycle|sweep|run|ai|ao)[ _-]*\d*|(?!10$)\d\d?",
    re.IGNORECASE,
)
"""What brackets behind a name may hold besides its unit."""


@dataclass(frozen=True)
class Column:
    """What a header says."""

    quantity: str
    """A key of NAMES, or '' where unknown."""
    scale: float
    """Factor to SI units."""
    unit: str
    """The unit as written; '' where none is."""
    cycle: int | None
    """Cycle number in the header, where there is one."""
    foreign_unit: bool = False
    """Whether the header holds a unit or factor that is not known, so that the scale is unknown."""


def bare(text: str) -> str:
    """A header without comment sign and quotes."""
    return SIGN.sub("", text.strip()).strip().strip("\"'").strip()


@lru_cache(maxsize=1 << 17)
def read_header(text: str) -> Column:
    """Quantity, unit and cycle number of one column header.

    Understands `Voltage (V)`, `I [mA]`, `U/V`, `<I>/mA`, `current_uA`, `current_cycle12`, `Current(uA)`,
    `Voltage in mV`. A name that says one quantity and a unit of another is unknown, as is a logarithm.
    A factor in the name makes the scale unknown.
    """
    name, unit = split_unit(bare(text))
    if factor := FACTOR.search(name):
        plain = read_header(f"{name[: factor.start()].strip()} ({unit})" if unit else name[: factor.start()])
        return replace(plain, scale=1.0, unit=factor[0].strip(), foreign_unit=True)
    measured, scale = unit_of(unit) or ("", 1.0)
    foreign = not measured and not REMARK.fullmatch(unit)
    if LOGARITHM.match(name):
        return Column("", 1.0, unit, None)
    if indexed := INDEXED.fullmatch(name):
        quantity = {"V": "voltage", "I": "current"}[indexed[1].upper()]
        return Column(quantity if measured in ("", quantity) else "", scale, unit, int(indexed[2]), foreign)
    numbered = CYCLE_COLUMN.fullmatch(name)
    if numbered and measured in ("", "current"):
        return Column("current", scale, unit, int(numbered.group(1)), foreign)
    if numbered and re.match(r"c(?!ycle)|i|strom", name, re.IGNORECASE):
        return Column("", 1.0, unit, None)  # named a current, in the unit of something else
    numbered_voltage = VOLTAGE_COLUMN.fullmatch(name)
    if numbered_voltage:
        known = measured in ("", "voltage")
        return Column("voltage" if known else "", scale, unit, int(numbered_voltage.group(1)), foreign)
    for quantity, pattern in NAMES.items():
        if re.fullmatch(pattern, name, re.IGNORECASE):
            if name.lower() == "e" and not measured:
                break  # a potential has a unit; without one it may be a field
            said = quantity if measured in ("", quantity, _UNIT_OF.get(quantity)) else ""
            return Column(said, scale, unit, None, foreign)
    return Column(measured if measured in ("voltage", "current") else "", scale, unit, None)


_UNIT_OF = {"applied": "voltage", "amplitude": "voltage", "read_voltage": "voltage"}


def terminal_of(text: str) -> str:
    """The terminal or channel that a name of a voltage or current says, without signs; '' where none.

    >>> terminal_of("smua.V"), terminal_of("I_SMU-A (nA)"), terminal_of("V1")
    ('smua', 'smua', '')
    """
    found = OF_A_TERMINAL.fullmatch(split_unit(bare(text))[0])
    return re.sub(r"[ _-]", "", found["behind"] or found["before"]).lower() if found else ""


@lru_cache(maxsize=1 << 17)
def split_unit(text: str) -> tuple[str, str]:
    """Name and unit of a header; the unit is '' where none is recognised as one."""
    if INDEXED.fullmatch(text):
        return text, ""
    bracketed = re.fullmatch(r"(.*?)\s*[\[({<]\s*([^\])}>]*?)\s*[\])}>]\s*", text, re.DOTALL)
    if bracketed and not (text.startswith("<") and not bracketed.group(1)):
        return bracketed.group(1).strip(), bracketed.group(2)
    found = re.fullmatch(r"(.*?)(?:\s*[/,_]\s*|\s+(?:in|-)\s+|\s+)([^\s/,_]+)", text)
    if found and unit_of(found.group(2)):
        name = found.group(1).strip()
        # without brackets a unit counts only after a known name: `vgs_min_V` is no voltage sweep
        numbered = CYCLE_COLUMN.fullmatch(name) or VOLTAGE_COLUMN.fullmatch(name)
        if numbered or any(re.fullmatch(p, name, re.IGNORECASE) for p in NAMES.values()):
            return name, found.group(2)
    return text, ""
