"""Digest of the library code a script reaches; what a result was made from."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from codesign.files import sha256_of

PACKAGE = Path(__file__).resolve().parents[1]
BOOKKEEPING = ("log.py", "terminal.py", "warm.py", "provenance")
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
    left_out = {package / name for name in BOOKKEEPING}
    seen: dict[Path, str] = {}
    waiting = [Path(script).resolve()]
    while waiting:
        path = waiting.pop()
        if path in seen or not left_out.isdisjoint((path, *path.parents)):
            continue
        tree_hash, imports = _parsed(path, path.stat().st_mtime_ns, package)
        seen[path] = tree_hash
        waiting += imports
    names = sorted(
        (str(path.relative_to(package)) if path.is_relative_to(package) else path.name, digest)
        for path, digest in seen.items()
    )
    return hashlib.sha256(repr(names).encode()).hexdigest()[:16]


@cache
def _parsed(path: Path, _mtime_ns: int, package: Path) -> tuple[str, tuple[Path, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imports: set[Path] = set()
    for node in _statements(tree):
        imports |= _imported(node, path, package)
        if hasattr(node, "body"):
            node.body = [part for part in node.body if not _is_docstring(part)]
    digest = hashlib.sha256(ast.dump(tree).encode()).hexdigest()
    return digest, tuple(sorted(imports - {path}))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """The module, its statements and their branches, without the expressions: there is no import in those."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, block, ())


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
