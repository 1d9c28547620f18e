"""Whether a method's file says what a method needs: looked at while Snakemake reads the workflow.

Neither torch nor Matplotlib is imported for it; of a noise only the syntax tree is read.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

from codesign.bayesmulti.error import NoiseError
from codesign.words import nearest

if TYPE_CHECKING:
    from codesign.bayesmulti.methods import Method

NOISES = Path(__file__).parent / "noises"
ROLES = ("baseline", "rival", "own")
"""In the order of figures: what others are compared with, other people's methods, the project's."""
SITES = ("activation", "weight")
"""Where a noise can act."""
COLOURS = ("black", "orange", "sky", "green", "yellow", "blue", "vermilion", "purple")
"""Words for colours; `codesign.figures.methods` has what they stand for."""
MARKERS = (".", "o", "v", "^", "<", ">", "8", "s", "p", "*", "h", "H", "D", "d", "P", "X")
"""Matplotlib's filled markers: figures draw no edge, without which the others cannot be seen."""
LINES = ("-", "--", "-.", ":")
"""Words for line styles; (offset, (on, off, ...)) in points is one as well."""
MOST_SEARCHED = 2
"""Parameters of a layer that the search can take."""
GIVES_NO_FIELDS = ("Noise", "FactorNoise", "object")
"""What a noise can be derived from without getting parameters from it."""


def check_method(method: "Method") -> None:
    """Refuse a method that could not be trained, searched or drawn.

    Raises:
        NoiseError: It names field, value and what is allowed.
    """
    _check_texts(method)
    if method.role not in ROLES:
        raise NoiseError(f"role must be one of {', '.join(ROLES)}, got {method.role!r}")
    for name in ("certified", "prominent"):
        if not isinstance(getattr(method, name), bool):
            raise NoiseError(f"{name} must be True or False, got {getattr(method, name)!r}")
    _check_sites(method)
    _check_noise(method)
    _check_limit(method)
    _check_looks(method)


def _check_texts(method: "Method") -> None:
    for name in ("name", "title"):
        if not (isinstance(getattr(method, name), str) and getattr(method, name).strip()):
            raise NoiseError(f"{name} must be text, got {getattr(method, name)!r}")
    parameters = method.parameters
    if not isinstance(parameters, Mapping) or not all(
        isinstance(text, str) and text.strip() for pair in parameters.items() for text in pair
    ):
        raise NoiseError(
            'parameters must give each parameter of the noise its label, as {"rate": "dropout rate"}, '
            f"got {parameters!r}"
        )


def _check_sites(method: "Method") -> None:
    sites = method.sites
    if method.noise is None:
        if sites != ("none",):
            raise NoiseError(f'sites must be ("none",) where noise is None, got {sites!r}')
        return
    if (
        not isinstance(sites, tuple)
        or not sites
        or len(set(sites)) < len(sites)
        or not set(sites) <= {*SITES}
    ):
        wrong = [site for site in sites if site not in SITES] if isinstance(sites, tuple) else [sites]
        raise NoiseError(
            f'sites must be ("activation",), ("weight",) or ("activation", "weight"), got {sites!r}'
            f"{_nearest(wrong, SITES)}"
        )


def _check_noise(method: "Method") -> None:
    if method.noise is None:
        if method.parameters:
            raise NoiseError(f"parameters must be {{}} where noise is None, got {method.parameters!r}")
        return
    kinds = noise_kinds()
    if method.noise not in kinds:
        raise NoiseError(
            f"noise must be None or one of {', '.join(kinds)}, got {method.noise!r}"
            f"{_nearest([method.noise], kinds)}; a noise of your own is a file of codesign/bayesmulti/noises"
        )
    known = parameters_of(method.noise)
    if known is not None:
        check_parameters(method, known)


def check_parameters(method: "Method", known: Iterable[str]) -> None:
    """Refuse parameters that are not those of the method's noise.

    Raises:
        NoiseError: It names both.
    """
    known, got = tuple(known), tuple(method.parameters)
    if set(got) != set(known):
        strange = [name for name in got if name not in known]
        raise NoiseError(
            f"parameters must name those of the noise {method.noise}: {', '.join(known) or 'none'}; "
            f"got {', '.join(got) or 'none'}{_nearest(strange, known)}"
        )


def _check_limit(method: "Method") -> None:
    limit = method.limit
    if limit is None:
        return
    if not 1 <= len(method.parameters) <= MOST_SEARCHED:
        raise NoiseError(
            f"limit must be None: the search takes a noise of 1 or {MOST_SEARCHED} parameters, this one has "
            f"{len(method.parameters)}"
        )
    meaning, largest = getattr(limit, "meaning", None), getattr(limit, "largest", None)
    number = isinstance(largest, Real) and not isinstance(largest, bool) and largest > 0
    if not isinstance(meaning, str) or not (largest is None or number):
        raise NoiseError(
            f'limit must be None or Limit("what it limits", largest=a number above 0 or None), got {limit!r}'
        )


def _check_looks(method: "Method") -> None:
    colour, line = method.colour, method.line
    if colour not in COLOURS and not (isinstance(colour, str) and re.fullmatch("#[0-9A-Fa-f]{6}", colour)):
        raise NoiseError(
            f"colour must be one of {', '.join(COLOURS)}, or #RRGGBB, got {colour!r}"
            f"{_nearest([colour], COLOURS)}"
        )
    if method.marker not in MARKERS:
        raise NoiseError(
            f"marker must be one of Matplotlib's filled ones, {' '.join(MARKERS)}, got {method.marker!r}"
        )
    if line not in LINES and not _is_dashes(line):
        raise NoiseError(
            f"line must be one of {' '.join(LINES)}, or (0, (on, off, ...)) in points, got {line!r}"
        )


def _is_dashes(line: object) -> bool:
    """Whether it is an offset and pairs of lengths, all numbers."""
    if not (isinstance(line, tuple) and len(line) == 2 and isinstance(line[1], tuple)):
        return False
    offset, lengths = line
    numbers = all(isinstance(value, Real) and value >= 0 for value in (offset, *lengths))
    return numbers and len(lengths) >= 2 and len(lengths) % 2 == 0 and sum(lengths) > 0


def noise_kinds(folder: Path = NOISES) -> tuple[str, ...]:
    """Kinds of noise there are, by their files; see `codesign.bayesmulti.noises.noise_kinds`."""
    names = (path.stem for path in folder.glob("*.py"))
    return tuple(sorted(name.replace("_", "-") for name in names if name not in ("__init__", "base")))


def parameters_of(kind: str, folder: Path = NOISES) -> tuple[str, ...] | None:
    """Parameters of a kind of noise, by the syntax tree of its file.

    Returns:
        None where they cannot be told so: its class stands elsewhere, or gets fields from another.

    Raises:
        NoiseError: The file cannot be parsed, has no NOISE, or says another kind; names file and remedy.
    """
    path = folder / f"{kind.replace('-', '_')}.py"
    shown = f"codesign/bayesmulti/noises/{path.name}"
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise NoiseError(f"{shown}: {_of_syntax(error)}") from None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    bound = dict(pair for node in tree.body for pair in _bound(node))
    if "NOISE" not in bound:
        likely = next(reversed(classes), "the class of the noise")
        raise NoiseError(f"{shown}: NOISE is missing; end the file with NOISE = {likely}")
    noise = classes.get(bound["NOISE"] or "")
    if noise is None or not all(isinstance(b, ast.Name) and b.id in GIVES_NO_FIELDS for b in noise.bases):
        return None
    stated = [node for node in noise.body if isinstance(node, ast.AnnAssign)]
    said = {node.target.id: node for node in stated if isinstance(node.target, ast.Name)}
    own = said["kind"].value if "kind" in said else None
    if not isinstance(own, ast.Constant) or own.value != kind:
        got = own.value if isinstance(own, ast.Constant) else None
        raise NoiseError(f'{shown}: kind must be written kind: ClassVar[str] = "{kind}", got {got!r}')
    return tuple(name for name, node in said.items() if "ClassVar" not in ast.unparse(node.annotation))


def _bound(node: ast.stmt) -> list[tuple[str, str | None]]:
    """Names that a statement of a module binds, each to the name it is given, or None for anything else."""
    if isinstance(node, ast.ClassDef):
        return [(node.name, node.name)]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name, None) for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    value = getattr(node, "value", None)
    given = value.id if isinstance(value, ast.Name) else None
    return [(target.id, given) for target in targets if isinstance(target, ast.Name)]


def fault_of_file(error: Exception, fields: Mapping[str, Iterable[str]]) -> str:
    """What kept a method's file from being read, in words that name the field.

    Args:
        error: As Python raised it while it imported the file.
        fields: Fields of each class that the file can make, by its name.
    """
    if isinstance(error, NoiseError):
        return str(error)
    if isinstance(error, SyntaxError):
        return _of_syntax(error)
    called = re.match(r"(\w+)\.__init__\(\) (.*)", str(error)) if isinstance(error, TypeError) else None
    if called is None or called.group(1) not in fields:
        return f"{type(error).__name__}: {error}; docs/adding-a-method.md shows such a file"
    known, named = list(fields[called.group(1)]), re.findall(r"'(\w+)'", called.group(2))
    if "unexpected keyword" in called.group(2):
        near = _nearest(named, known)
        return f"{called.group(1)} has no field {named[0]}{near}; its fields are {', '.join(known)}"
    if "missing" in called.group(2):
        return f"{called.group(1)} lacks {', '.join(named)}; its fields are {', '.join(known)}"
    return f"{called.group(2)}; write {called.group(1)}({', '.join(f'{name}=...' for name in known)})"


def _of_syntax(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    where = f"line {line}: " if line else ""
    return f"{where}not Python ({getattr(error, 'msg', error)}); correct it"


def _nearest(wrong: Iterable[object], allowed: Iterable[str]) -> str:
    """`nearest` for the first word that has a near one."""
    known = list(allowed)
    return next(filter(None, (nearest(word, known) for word in wrong)), "")
