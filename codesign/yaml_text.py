"""YAML as a person means it: nothing is said twice, and no number is another one than it looks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OCTAL = re.compile(r"[-+]?0[0-9_]+")
"""`015` is thirteen to YAML 1.1."""
SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
"""`1:30` is ninety."""


class YamlError(ValueError):
    """Text that is no YAML, or says something twice; the message says where."""


def read_yaml(path: Path | str) -> Any:
    """What a YAML file says.

    Raises:
        YamlError: As of `parse_yaml`, or the file is not UTF-8 text; the message names the file.
        OSError: It cannot be read.
    """
    try:
        return parse_yaml(text_of(Path(path).read_bytes()))
    except YamlError as error:
        raise YamlError(f"{path}: {error}") from error


def text_of(raw: bytes) -> str:
    """Text of a file, which is to be UTF-8.

    Raises:
        YamlError: It is not; the message says in which line.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = "UTF-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "another encoding"
        line = raw[: error.start].count(b"\n") + 1
        raise YamlError(f"line {line}: no UTF-8 text but {found}; save the file as UTF-8") from None


def parse_yaml(text: str) -> Any:
    """What a YAML text says.

    Raises:
        YamlError: Not YAML; a key stands twice in one mapping, of which YAML would keep the last without a
            word; or a number in a notation that YAML reads as another one than a person does.
    """
    import yaml

    # ten times as fast, where PyYAML has libyaml
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        problems = list(_problems(node))
        if problems:
            raise YamlError("; ".join(problems))
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError(f"not YAML: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()


def _problems(node: Any) -> Iterator[str]:
    """What is said twice and what is read as another number, node by node."""
    import yaml

    waiting, seen = [node], set()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:  # an alias
            continue
        seen.add(id(each))
        if isinstance(each, yaml.MappingNode):
            lines: dict[tuple[str, str], int] = {}
            for key, value in each.value:
                if isinstance(key, yaml.ScalarNode):
                    said, line = (key.tag, key.value), key.start_mark.line + 1
                    if said in lines:
                        yield (
                            f"{key.value!r} stands twice, in lines {lines[said]} and {line}, and only the "
                            "last would count; remove one of them"
                        )
                    lines[said] = line
                waiting += [key, value]
        elif isinstance(each, yaml.SequenceNode):
            waiting += each.value
        elif not each.style and each.tag.endswith((":int", ":float")):
            yield from _another_number(each)


def _another_number(node: Any) -> Iterator[str]:
    """A number that YAML 1.1 reads in base 8 or 60."""
    base = 8 if OCTAL.fullmatch(node.value) else 60 if SEXAGESIMAL.fullmatch(node.value) else None
    if base:
        yield (
            f"line {node.start_mark.line + 1}: {node.value} is a number to base {base} in YAML; write it "
            f"without {'leading zeros' if base == 8 else 'colons'}, or in quotes where it is a text"
        )
