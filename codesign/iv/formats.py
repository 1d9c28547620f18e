"""Which formats of instrument files there are: modules of `codesign/iv/importers` with SUFFIXES.

Snakemake asks while it reads the workflow, so no module is imported for it: its syntax tree says enough.
"""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "importers"
TAKEN = (".parquet", ".yaml")
"""Suffixes of canonical files and of sidecars."""


class FormatError(ValueError):
    """An importer's file does not say what it reads; the message names file and remedy."""


@dataclass(frozen=True)
class Importer:
    """One module that reads instrument files, as its file says it."""

    name: str
    """Of the module in `codesign.iv.importers`."""
    suffixes: tuple[str, ...]
    """Of the files it reads, in lower case, with the point."""
    recognises: bool
    """Whether it can say of a file's first lines that the file is one of its own."""

    @property
    def module(self) -> str:
        """Dotted name, for `code_digest(..., modules=)`."""
        return f"codesign.iv.importers.{self.name}"


@cache
def importers(folder: Path = FOLDER) -> tuple[Importer, ...]:
    """Every importer, in name order.

    Raises:
        FormatError: A file's SUFFIXES are none, or no function reads them, or two importers of one suffix
            both take whatever the file holds.
    """
    found = tuple(filter(None, map(_importer, sorted(folder.glob("*.py")))))
    for suffix in dict.fromkeys(suffix for importer in found for suffix in importer.suffixes):
        general = [
            importer.name for importer in found if suffix in importer.suffixes and not importer.recognises
        ]
        if len(general) > 1:
            raise FormatError(
                f"codesign/iv/importers: {' and '.join(f'{name}.py' for name in general)} read every "
                f"{suffix} file; write recognises(lines) into one of them, or give it a suffix of its own"
            )
    return found


def raw_suffixes(folder: Path = FOLDER) -> tuple[str, ...]:
    """Suffixes of instrument files that have an importer, in alphabetical order."""
    return tuple(sorted({suffix for importer in importers(folder) for suffix in importer.suffixes}))


def importers_of(suffix: str, folder: Path = FOLDER) -> list[Importer]:
    """Importers of a suffix: those that recognise their files in name order, the general one last."""
    found = [importer for importer in importers(folder) if suffix.lower() in importer.suffixes]
    return sorted(found, key=lambda importer: not importer.recognises)


def _importer(path: Path) -> Importer | None:
    """What one file says; None where it reads no format."""
    text = path.read_text(encoding="utf-8")
    if not re.search(r"^SUFFIXES\b", text, re.MULTILINE):
        return None
    shown = f"codesign/iv/importers/{path.name}"
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise FormatError(f"{shown}: line {error.lineno}: not Python ({error.msg}); correct it") from None
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "read" not in functions:
        raise FormatError(f"{shown}: read is missing; write def read(path, *, known=()) that gives a Table")
    return Importer(path.stem, _suffixes(tree, shown), "recognises" in functions)


def _suffixes(tree: ast.Module, shown: str) -> tuple[str, ...]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "SUFFIXES" for target in targets):
            try:
                said = ast.literal_eval(node.value)
            except (ValueError, TypeError, SyntaxError):
                said = ast.unparse(node.value)
            if isinstance(said, tuple | list) and said and all(map(_is_suffix, said)):
                return tuple(said)
            raise FormatError(
                f"{shown}: SUFFIXES must be written out, in lower case and with the point, as "
                f'(".lvm", ".tdms"), none of {", ".join(TAKEN)}; got {said!r}'
            )
    raise FormatError(f'{shown}: SUFFIXES must be written out, as SUFFIXES = (".lvm", ".tdms")')


def _is_suffix(said: object) -> bool:
    return isinstance(said, str) and re.fullmatch(r"\.[a-z0-9_+-]+", said) is not None and said not in TAKEN
