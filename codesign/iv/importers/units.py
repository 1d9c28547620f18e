"""Units: what a unit measures and its factor to SI; factors written into names."""

import re
from functools import lru_cache

PREFIX_WORDS = {"milli": "m", "micro": "u", "nano": "n", "pico": "p", "femto": "f", "kilo": "k", "mega": "M"}
PREFIXES = {
    "": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "k": 1e3,
}  # fmt: skip
LARGE = {"M": 1e6, "G": 1e9}
"""Prefixes of resistances alone: MA may be mega or milli, MOhm is mega."""
QUANTITIES = {
    **dict.fromkeys(("V", "Volt", "Volts", "volt", "volts"), "voltage"),
    **dict.fromkeys(("A", "Amp", "Amps", "amp", "amps", "Ampere", "Amperes", "ampere", "amperes"), "current"),
    **dict.fromkeys(("s", "sec", "Second", "Seconds", "second", "seconds"), "time"),
    **dict.fromkeys(("S", "Siemens", "siemens"), "conductance"),
    **dict.fromkeys(("Ohm", "Ohms", "ohm", "ohms", "Ω", "Ω"), "resistance"),
}
SILENT = ("", "-", "--", "1", "none", "n/a")
"""What stands in a row of units below or above a name without one."""
FACTOR = re.compile(
    r"(?:(?<![A-Za-z])x|[×*·])\s*\d[\d.,]*(?:\s*(?:\^|\*\*)\s*\(?[-+\u2212]?\d+\)?|[eE][-+\u2212]?\d+)?"
    r"|(?<![\w.])[x×*·/]?\s*(?:10\s*(?:\^|\*\*)\s*\(?[-+\u2212]?\d+\)?|\d[\d.]*[eE][-+\u2212]?\d+|10[⁺⁻]?[⁰¹²³⁴-⁹]+)"
)
"""A factor in a name, `x1e-6`, `*1000`, `10^-6`: whether it was applied, or is to be, nobody can tell."""


@lru_cache(maxsize=1 << 12)
def unit_of(unit: str) -> tuple[str, float] | None:
    """Quantity a unit measures and the factor to SI; None where it is no known unit.

    `mv` and `ua` are meant as mV and uA; `MA` may be mega or milli and is no known unit. What a voltage is
    measured against (`V vs. SCE`) and a `DC` behind do not count.

    >>> unit_of("nA"), unit_of("Volt DC"), unit_of("MOhm"), unit_of("MA")
    (('current', 1e-09), ('voltage', 1.0), ('resistance', 1000000.0), None)
    """
    unit = re.sub(r"(?<=\w)\s*DC$|\s+vs\.?\s.*$", "", unit.strip())
    for word, letter in PREFIX_WORDS.items():
        if unit.lower().startswith(word):
            unit = letter + unit[len(word) :].lstrip(" -")
    if re.fullmatch(r"[munpfkµμ]?[va]", unit):
        unit = unit[:-1] + unit[-1].upper()
    for symbol, quantity in QUANTITIES.items():
        if unit.endswith(symbol):
            prefixes = {**PREFIXES, **LARGE} if quantity == "resistance" else PREFIXES
            prefix = unit[: -len(symbol)]
            if prefix in prefixes:
                return quantity, prefixes[prefix]
    return None
