"""Digest of the library code a script reaches; what a result was made from."""

import ast
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codesign.files import sha256_of

PACKAGE = Path(__file__).resolve().parents[1]
BOOKKEEPING = ("log.py", "terminal.py", "warm", "provenance")
"""Modules and rooms that only write down what a job did, or start it: what it computes is the same."""


def content_digest(paths: Iterable[Path | str]) -> str:
    """Digest of files' contents, in the order given; '' where one does not exist.

    A file is read again only where size, time of change or identity are others than the last time.
    """
    digests = []
    for path in map(str, paths):
        try:
            stat = Path(path).stat()
        except FileNotFoundError:
            return ""
        digests.append(_content(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16]


@cache
def _content(path: str, *_stat: int) -> str:
    return sha256_of(path)


def code_digest(script: Path | str, *, package: Path = PACKAGE) -> str:
    """Digest of a script and of every module of `package` it reaches by import.

    Syntax trees without docstrings are hashed, so a comment, a docstring or
    reformatting changes nothing and a changed formula changes every script
    that rests on it. Imports are followed wherever they stand, in functions
    too. A package's `__init__` counts with each module below it, as it does
    when Python imports one. What `BOOKKEEPING` names does not count.

    Args:
        script: A Python file.
        package: Folder of the importable package; its name is the package name.

    Returns:
        16 hexadecimal digits.

    Raises:
        FileNotFoundError: The script, or a module of the package that it
            imports, does not exist.
    """
    package = package.resolve()
    left_out = frozenset(package / name for name in BOOKKEEPING)
    names = sorted(
        (str(path.relative_to(package)) if path.is_relative_to(package) else path.name, parsed.digest)
        for path, parsed in _reached(Path(script).resolve(), package, left_out).items()
    )
    return hashlib.sha256(repr(names).encode()).hexdigest()[:16]


def libraries_of(script: Path | str, *, package: Path = PACKAGE) -> list[str]:
    """Modules of other packages that a script and what it reaches of `package` import, as they are met."""
    package = package.resolve()
    reached = _reached(Path(script).resolve(), package).values()
    return list(dict.fromkeys(name for parsed in reached for name in parsed.libraries))


def _reached(script: Path, package: Path, left_out: frozenset[Path] = frozenset()) -> dict[Path, "_Parsed"]:
    """A script and every module of the package that it imports, directly or not, but for some."""
    seen: dict[Path, _Parsed] = {}
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in seen and left_out.isdisjoint((path, *path.parents)):
            seen[path] = _parsed(path, path.stat().st_mtime_ns, package)
            waiting += seen[path].imports
    return seen


@dataclass(frozen=True)
class _Parsed:
    digest: str
    imports: tuple[Path, ...]
    """Files of the package."""
    libraries: tuple[str, ...]
    """Modules of other packages."""


@cache
def _parsed(path: Path, _mtime_ns: int, package: Path) -> _Parsed:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports = {found for node in ast.walk(tree) for found in _imported(node, path, package)}
    libraries = tuple(name for node in ast.walk(tree) for name in _others(node, package.name))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_docstring(part)]
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return _Parsed(digest, tuple(sorted(imports - {path})), libraries)


def _others(node: ast.AST, package: str) -> list[str]:
    """Modules of other packages that one statement imports; of `from a import b`, a."""
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module]
    return [name for name in names if name.partition(".")[0] != package]


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _imported(node: ast.AST, path: Path, package: Path) -> set[Path]:
    """Files of the package that one import statement loads."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            if not path.is_relative_to(package):
                return set()
            folder = path.parent
            for _ in range(node.level - 1):
                folder = folder.parent
            prefix = ".".join((package.name, *folder.relative_to(package).parts))
            base = f"{prefix}.{base}" if base else prefix
        names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
    else:
        return set()
    return {file for name in names for file in _files(name, package)}


def _files(name: str, package: Path) -> set[Path]:
    """`__init__` of every package on the way, and the module itself where it is one."""
    head, *parts = name.split(".")
    if head != package.name:
        return set()
    found = {package / "__init__.py"}
    folder = package
    for part in parts:
        module = folder / f"{part}.py"
        folder = folder / part
        if module.is_file():
            found.add(module)
        elif (folder / "__init__.py").is_file():
            found.add(folder / "__init__.py")
        else:
            break  # a name inside the module, not a module
    return found
