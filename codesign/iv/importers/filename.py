"""Fabrication conditions written into a laboratory's file names."""

import re

from codesign.iv.names import repeat_number

PRECURSORS = {"MAI": "MAPbI3", "MABr": "MAPbBr3", "MACl": "MAPbCl3", "FAI": "FAPbI3", "CsI": "CsPbI3"}
PEROVSKITES = ("MAPbI3", "MAPbBr3", "MAPbCl3", "FAPbI3", "CsPbI3")
PATTERNS = {
    "length_um": r"(\d+(?:\.\d+)?)um_length",
    "diameter_nm": r"(\d+(?:\.\d+)?)nm_diameter",
    "barrier_thinning_v": r"BT_(\d+(?:\.\d+)?)V",
    "third_etch_s": r"_(\d+(?:\.\d+)?)s_third_etch",
    "pb_min": r"(\d+(?:\.\d+)?)min_Pb_ED",
    "growth_h": r"Pb_ED_(\d+(?:\.\d+)?)h_",
    "growth_c": r"h_(\d+(?:\+\d+)?)C_",
    "ag_nm": r"(\d+(?:\.\d+)?)nm_Ag",
    "v_max_v": r"memory_(\d+(?:\.\d+)?)V",
    "wait_min": r"wait_(\d+(?:\.\d+)?)min",
}
CONTACTS = ("carbon paste", "silver paste", "probe")


def conditions_in(name: str) -> dict:
    """What a file name says, as far as it follows the laboratory's pattern.

    Returns:
        Keys among `length_um`, `diameter_nm`, `barrier_thinning_v`, `annealing`, `third_etch_s`,
        `pb_min`, `growth_h`, `growth_c` (text), `perovskite`, `pmma`, `ag_nm`, `v_max_v`,
        `contact`, `wait_min`, `repeat`; empty where nothing is recognised.
    """
    found: dict = {}
    for key, pattern in PATTERNS.items():
        match = re.search(pattern, name)
        if match:
            found[key] = match.group(1) if key == "growth_c" else float(match.group(1))
    tokens = re.split(r"[_\s]+", name.rsplit(".", 1)[0])
    for token in tokens:
        if token in PRECURSORS:
            found["perovskite"] = PRECURSORS[token]
        elif token in PEROVSKITES:
            found["perovskite"] = token
    for contact in CONTACTS:
        if contact.replace(" ", "_") in name:
            found["contact"] = contact
            break
    if not {"length_um", "diameter_nm", "pb_min", "ag_nm"} & found.keys():
        return {}
    found["pmma"] = "PMMA" in tokens
    found["annealing"] = "annealing" in tokens
    found["repeat"] = repeat_number(name)
    if "no_wait" in name:
        found["wait_min"] = 0.0
    return found
