"""Digest of the library code a script reaches; what a result was made from."""

import ast
import hashlib
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codesign.files import sha256_of, trouble_with

PACKAGE = Path(__file__).resolve().parents[1]
BOOKKEEPING = ("log.py", "terminal.py", "warm", "provenance")
"""Modules and rooms that only write down what a job did, or start it: what it computes is the same."""


def content_digest(paths: Iterable[Path | str]) -> str:
    """Digest of files' contents, in the order given; '' where one does not exist.

    A file is read again only where size, time of change or identity are others than the last time. Of what
    cannot be read (a folder, a pipe, no permission), the reason counts as its content.
    """
    digests = []
    for path in map(str, paths):
        try:
            stat = Path(path).stat()
        except OSError:
            return ""
        trouble = trouble_with(path)
        digests.append(
            trouble or _content(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        )
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


@cache
def _content(path: str, *_stat: int) -> str:
    return sha256_of(path)


def code_digest(
    script: Path | str,
    *,
    package: Path = PACKAGE,
    modules: Iterable[str] = (),
    data: Mapping | Sequence | None = None,
) -> str:
    """Digest of a script and of every module of `package` that it uses.

    Syntax trees without docstrings are hashed, so a comment, a docstring or
    reformatting changes nothing and a changed formula changes every script
    that rests on it. Imports are followed wherever they stand, in functions
    too. A folder's `__init__` counts with each module below it, as it does
    when Python imports one; that of the package itself counts as empty: it hands
    names on to people and no module takes one from it. What `BOOKKEEPING` names
    does not count.

    No import statement shows which module a registry loads by name. So a
    module that uses `importlib` brings in everything in its folder, unless
    `modules` says which of them the job loads.

    Args:
        script: A Python file.
        package: Folder of the importable package; its name is the package name.
        modules: Dotted names of modules that the job loads by name, such as
            `codesign.bayesmulti.noises.dropout`. A folder's own name says that
            the job loads nothing out of it.
        data: What the job is told by declarations, as JSON can hold it; it counts by content.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: The script, a module of the package that it imports,
            or one of `modules` does not exist.
    """
    # not Path.resolve, which asks the disk: this is called for every job
    counted = _code_digest(os.path.abspath(script), str(package), tuple(sorted(set(modules))))  # noqa: PTH100
    if data is None:
        return counted
    told = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{counted} {told}".encode()).hexdigest()[:16]


_LAST: dict[tuple[str, str, tuple[str, ...]], tuple[list[tuple[str, int | None]], str]] = {}
"""The last digest of a script, and when each file and folder behind it had changed."""


def _code_digest(script_file: str, package_folder: str, modules: tuple[str, ...]) -> str:
    """`code_digest` without data; worked out again only where a file or folder behind it changed."""
    key = (script_file, package_folder, modules)
    if key in _LAST:
        times, digest = _LAST[key]
        if all(_changed_at(path) == time for path, time in times):
            return digest
    script, package = Path(script_file).resolve(), Path(package_folder).resolve()
    left_out = frozenset(package / name for name in BOOKKEEPING)
    trees = _reached(script, package, modules, left_out)
    names = sorted(
        (str(path.relative_to(package)) if path.is_relative_to(package) else path.name, parsed.digest)
        for path, parsed in trees.items()
    )
    digest = hashlib.sha256(repr(names).encode()).hexdigest()[:16]
    # folders too: a new file in one may be what an import means from now on
    behind = {*trees, *(path.parent for path in trees if path != script)}
    _LAST[key] = ([(path, _changed_at(path)) for path in map(str, behind)], digest)
    return digest


def _changed_at(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  called for every file of every job: Path.stat is slower
    except FileNotFoundError:
        return None


def _reached(
    script: Path, package: Path, modules: tuple[str, ...], left_out: frozenset[Path] = frozenset()
) -> dict[Path, "_Parsed"]:
    """A script and every file of the package that it uses, directly or not, but for some."""
    layout = _layout(package)
    said = {path for name in modules for path in _files_of_module(name, package, layout)}
    folders_said = {folder for path in said for folder in path.parents}
    found: dict[Path, _Parsed] = {}
    waiting = [script, *sorted(said)]
    while waiting:
        path = waiting.pop(0)
        if path in found or _is_in(path, left_out):
            continue
        found[path] = (
            _NOTHING if path == package / "__init__.py" else _parsed(path, os.stat(path).st_mtime_ns, package)  # noqa: PTH116
        )
        waiting += sorted({file for name in found[path].imports for file in _files(name, package, layout)})
        if found[path].by_name and path.parent not in folders_said:
            waiting += sorted(path.parent.rglob("*.py"))
    return found


def imports_of(script: Path | str, *, package: Path = PACKAGE, modules: Iterable[str] = ()) -> list[str]:
    """Modules that a script and what it reaches of `package` import.

    Those of other packages come first, as they are met, then those of `package`. Arguments are those of
    `code_digest`; what only writes down what a job did is followed too.
    """
    package = package.resolve()
    reached = _reached(Path(script).resolve(), package, tuple(modules))
    libraries = [name for parsed in reached.values() for name in parsed.libraries]
    own = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in reached
        if path.is_relative_to(package)
    ]
    return [*dict.fromkeys(libraries), *sorted(own)]


@dataclass(frozen=True)
class _Parsed:
    digest: str
    """Of the syntax tree."""
    imports: tuple[str, ...]
    """Names in the package that are imported."""
    by_name: bool
    """Whether modules are loaded by name."""
    libraries: tuple[str, ...]
    """Modules of other packages, as they are met."""


_NOTHING = _Parsed(hashlib.sha256(ast.dump(ast.parse("")).encode()).hexdigest(), (), False, ())
"""An empty file."""


@cache
def _parsed(path: Path, _mtime_ns: int, package: Path) -> _Parsed:
    """What one file holds and imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    names: set[str] = set()
    libraries: list[str] = []
    for node in _statements(tree):
        names |= _imported(node, path, package)
        libraries += _others(node, package.name)
        if hasattr(node, "body"):
            node.body = [part for part in node.body if not _is_docstring(part)]
    return _Parsed(
        digest=hashlib.sha256(ast.dump(tree).encode()).hexdigest(),
        imports=tuple(sorted(name for name in names if name.split(".")[0] == package.name)),
        by_name=path.is_relative_to(package)
        and not names.isdisjoint(("importlib", "importlib.import_module")),
        libraries=tuple(libraries),
    )


def _others(node: ast.AST, package: str) -> list[str]:
    """Modules of other packages that one statement imports; of `from a import b`, a."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module]
    return [name for name in names if name.partition(".")[0] != package]


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """The module, its statements and their branches, without the expressions: there is no import in those."""
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, block, ())


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _imported(node: ast.AST, path: Path, package: Path) -> set[str]:
    """Dotted names of what one import statement may load."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    base = node.module or ""
    if node.level:
        if not path.is_relative_to(package):
            return set()
        folder = path.parent
        for _ in range(node.level - 1):
            folder = folder.parent
        prefix = ".".join((package.name, *folder.relative_to(package).parts))
        base = f"{prefix}.{base}" if base else prefix
    return {base, *(f"{base}.{alias.name}" for alias in node.names)}


def _files_of_module(name: str, package: Path, layout: "_Layout") -> frozenset[Path]:
    """Files of a module that is named in full.

    Raises:
        FileNotFoundError: There is no such module.
    """
    found = _files(name, package, layout)
    place = package.joinpath(*name.split(".")[1:])
    if found.isdisjoint((place.with_suffix(".py"), place / "__init__.py")):
        raise FileNotFoundError(f"no module {name} in {package}")
    return found


@cache
def _files(name: str, package: Path, _layout: "_Layout") -> frozenset[Path]:
    """`__init__` of every package on the way, and the module itself where it is one."""
    head, *parts = name.split(".")
    if head != package.name:
        return frozenset()
    found = {package / "__init__.py"}
    folder = package
    for part in parts:
        module = folder / f"{part}.py"
        folder = folder / part
        if module.is_file():
            found.add(module)
        elif (folder / "__init__.py").is_file():
            found.add(folder / "__init__.py")
        elif not folder.is_dir():
            break  # a name inside the module, not a module
    return frozenset(found)


_Layout = tuple[tuple[str, int | None], ...]
"""Each folder of a package and when a file last appeared in it or went."""
_LAST_LAYOUT: dict[Path, _Layout] = {}


def _layout(package: Path) -> _Layout:
    """Which files there are, as far as their folders tell: the same until one appears or goes."""
    last = _LAST_LAYOUT.get(package)
    if last is None or any(_changed_at(folder) != time for folder, time in last):
        folders = [folder for folder, _, _ in os.walk(package) if not folder.endswith("__pycache__")]
        last = _LAST_LAYOUT[package] = tuple((folder, _changed_at(folder)) for folder in folders)
    return last


@cache
def _is_in(path: Path, places: frozenset[Path]) -> bool:
    """Whether a file is one of these or lies below one."""
    return not places.isdisjoint((path, *path.parents))
