"""Builds a `libdwf.so` for tests: every symbol dwfpy binds, with a simulated crossbar behind the pins.

`device.c` has the calls that matter and the board; the header that holds it to dwfpy's own signatures and
the stubs of every other symbol are generated from dwfpy's source, read without importing it.
"""

import ast
import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from codesign.crossbar.wiring import Wiring

HERE = Path(__file__).parent
IN, OUT = "_IN", "_OUT"
C_TYPES = {
    "c_char": "char", "c_ubyte": "unsigned char", "c_short": "short", "c_ushort": "unsigned short",
    "c_int": "int", "c_uint": "unsigned int", "c_ulonglong": "unsigned long long", "c_double": "double",
    "c_void_p": "void *", "c_char_p": "char *",
}  # fmt: skip


@dataclass(frozen=True)
class Symbol:
    """One C function as dwfpy calls it."""

    name: str
    arguments: tuple[str, ...]
    """C types."""

    @property
    def prototype(self) -> str:
        return f"int {self.name}({', '.join(self.arguments) or 'void'})"


def symbols() -> list[Symbol]:
    """Every function dwfpy binds, whatever library version it is bound for; each name once."""
    source = Path(find_spec("dwfpy").submodule_search_locations[0]) / "bindings.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    types = dict(C_TYPES)
    found: dict[str, Symbol] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        alias, value = node.targets[0], node.value
        if isinstance(alias, ast.Name) and isinstance(value, ast.Name) and value.id in types:
            types[alias.id] = types[value.id]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_dwf_function":
            name, *arguments = node.args
            c_types = tuple(_c_type(argument.elts[1], types) for argument in arguments)
            found.setdefault(name.value, Symbol(name.value, c_types))
    return list(found.values())


def _c_type(node: ast.expr, types: dict[str, str]) -> str:
    if isinstance(node, ast.Call):  # POINTER(type)
        return f"{_c_type(node.args[0], types)} *"
    return types[node.id]


def build(folder: Path, wiring: Wiring) -> Path:
    """Compile the library for a board wired as `wiring` says; the folder for LD_LIBRARY_PATH.

    Raises:
        RuntimeError: gcc refuses the sources; the message is gcc's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bound = symbols()
    written = set(
        re.findall(r"^int (FDwf\w+)\(", (HERE / "device.c").read_text(encoding="utf-8"), re.MULTILINE)
    )
    unknown = written - {symbol.name for symbol in bound}
    if unknown:
        raise RuntimeError(f"device.c defines {sorted(unknown)}, which dwfpy does not bind")
    header = ["#pragma once", *(f"{symbol.prototype};" for symbol in bound)]
    stubs = ['#include "dwf.h"', "int not_supported(const char *name);"]
    for symbol in bound:
        if symbol.name not in written:
            named = ", ".join(f"{kind} a{k}" for k, kind in enumerate(symbol.arguments)) or "void"
            unused = " ".join(f"(void)a{k};" for k in range(len(symbol.arguments)))
            stubs.append(f'int {symbol.name}({named}) {{ {unused} return not_supported("{symbol.name}"); }}')
    (folder / "dwf.h").write_text("\n".join(header) + "\n", encoding="utf-8")
    (folder / "stubs.c").write_text("\n".join(stubs) + "\n", encoding="utf-8")
    (folder / "board.h").write_text(board_header(wiring), encoding="utf-8")
    sources = [str(HERE / "device.c"), str(folder / "stubs.c")]
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{folder}"]
    command = ["gcc", *flags, "-o", str(folder / "libdwf.so"), *sources, "-lm", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return folder


def board_header(wiring: Wiring) -> str:
    """What is soldered, as C: pin numbers, levels and resistors, and no more."""
    rows, columns = wiring.shape

    def mux(multiplexer) -> str:
        address, lines = multiplexer.address_lines, multiplexer.lines
        return (
            f"{{ {len(address)}, {{ {', '.join(map(str, address))} }}, {multiplexer.enable_line}, "
            f"{int(multiplexer.enable_level == 'high')}, {len(lines)}, {{ {', '.join(map(str, lines))} }} }}"
        )

    banks = ",\n    ".join(
        f"{{ {mux(bank)}, {bank.input - 1}, {bank.transimpedance_ohm!r}, {bank.gain!r} }}"
        for bank in wiring.columns
    )
    return f"""#pragma once
#define ROWS {rows}
#define COLUMNS {columns}
#define BANKS {len(wiring.columns)}
#define DRIVE {wiring.drive_output - 1}
#define BIAS {wiring.bias_output - 1}
#define DRIVE_OHM {wiring.drive_resistance_ohm!r}
#define GROUND_LINE {wiring.ground_line}
#define GROUND_HIGH {int(wiring.ground_level == "high")}
#define NEEDS_SUPPLIES {int(wiring.instrument.supply_v is not None)}
struct mux {{ int bits, address[4], enable_line, enable_high, count, lines[15]; }};
struct bank {{ struct mux mux; int input; double ohm, gain; }};
static const struct mux ROW_MUX = {mux(wiring.rows)};
static const struct bank BANK[BANKS] = {{
    {banks}
}};
"""
