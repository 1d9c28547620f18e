"""Fabrication conditions written into a laboratory's file names."""

import re
from collections.abc import Mapping
from pathlib import Path

PRECURSORS = {"mai": "MAPbI3", "mabr": "MAPbBr3", "macl": "MAPbCl3", "fai": "FAPbI3", "fabr": "FAPbBr3",
              "csi": "CsPbI3", "csbr": "CsPbBr3"}  # fmt: skip
"""Precursor of the vapour growth -> perovskite."""
PEROVSKITES = ("MAPbI3", "MAPbBr3", "MAPbCl3", "FAPbI3", "FAPbBr3", "CsPbI3", "CsPbBr3")
NUMBER = r"(\d+(?:\.\d+)?)"
PATTERNS = {
    "length_um": rf"{NUMBER}um_length",
    "diameter_nm": rf"{NUMBER}nm_diameter",
    "barrier_thinning_v": rf"BT_{NUMBER}V",
    "third_etch_s": rf"{NUMBER}s_third_etch",
    "pb_min": rf"{NUMBER}min_Pb_ED",
    "growth_h": rf"Pb_ED_{NUMBER}h",
    "growth_c": r"h_(\d+(?:\+\d+)*)C(?:_|$)",
    "ag_nm": rf"{NUMBER}nm_Ag",
    "v_max_v": rf"memory_{NUMBER}V",
    "wait_min": rf"(?<!no_)wait_{NUMBER}min",
    "repeat": r"(?:wait|wait_\d+min|paste|probe)_(\d{1,2})$",
}
TYPED = {"AAO_diameter": ("diameter_nm", "nm"), "Pb_time": ("pb_min", "min"), "Ag_thickness": ("ag_nm", "nm"),
         "scanning_range": ("v_max_v", "V")}  # fmt: skip
"""Cells of a hand-typed sheet that repeat what the file name says, with their unit."""
CONTACTS = ("carbon paste", "silver paste", "probe")


def conditions_in(name: str) -> dict:
    """What a file name says, as far as it follows the laboratory's pattern.

    Returns:
        Keys among `length_um`, `diameter_nm`, `barrier_thinning_v`, `annealing` (True or absent),
        `third_etch_s`, `pb_min`, `growth_h`, `growth_min`, `growth_c` (text, `180+210` for two zones),
        `perovskite`, `pmma` (True or absent), `ag_nm`, `v_max_v`, `contact`, `wait_min`, `repeat`;
        empty where no fabrication variable is recognised. A zero length, diameter or
        thickness is left out.
    """
    stem = Path(name).stem
    found: dict = {}
    for key, pattern in PATTERNS.items():
        match = re.search(pattern, stem, re.IGNORECASE)
        if match:
            found[key] = match.group(1) if key == "growth_c" else float(match.group(1))
    for key in ("length_um", "diameter_nm", "ag_nm"):
        if found.get(key) == 0:
            del found[key]
    tokens = [token.lower() for token in re.split(r"[_\s]+", stem)]
    known = {**PRECURSORS, **{compound.lower(): compound for compound in PEROVSKITES}}
    compound = next((known[token] for token in tokens if token in known), None)
    if compound:
        found["perovskite"] = compound
    contact = next((contact for contact in CONTACTS if contact.replace(" ", "_") in stem.lower()), None)
    if contact:
        found["contact"] = contact
    if not {"length_um", "diameter_nm", "pb_min", "ag_nm", "perovskite"} & found.keys():
        return {}
    if "pmma" in tokens:
        found["pmma"] = True
    if "annealing" in tokens:
        found["annealing"] = True
    if "growth_h" in found:
        found["growth_min"] = found["growth_h"] * 60
    if "no_wait" in stem.lower():
        found["wait_min"] = 0.0
    found["repeat"] = int(found.get("repeat", 1))
    return found


def contradictions(found: Mapping, sheets: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Where a hand-typed sheet says another number than the file name, which wins.

    Args:
        found: What the file name says (`conditions_in`).
        sheets: Cells by header, by sheet name.
    """
    said = []
    for sheet, cells in sheets.items():
        for header, (key, unit) in TYPED.items():
            typed = re.fullmatch(rf"{NUMBER}\s*{unit}", cells.get(header, ""))
            if typed and key in found and float(typed.group(1)) != found[key]:
                said.append(f"{sheet}, {header}: {cells[header]}, the file name says {found[key]:g} {unit}")
    return said
