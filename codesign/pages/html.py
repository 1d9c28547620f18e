"""One look for every page: a style sheet, tables, escaped cells.

A page is one file that needs no other, holds no script and opens without a network. What comes
from files (names, reasons, metadata) is text to it and never markup.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ORIGINS = {"measured": ("measured devices", "#009E73"), "virtual": ("virtual laboratory", "#B4531A")}
"""As the badges of the figures say it."""
FRONT = ("<!-- front page -->", "<!-- end of front page -->")
"""What stands between these is also shown on the report's front page."""
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; }
body { margin: 2rem auto; max-width: 78rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .75rem 0; }
th, td { padding: .3rem .75rem; border-bottom: 1px solid #e5e7eb; text-align: left; vertical-align: top; }
th { font-weight: 600; border-bottom: 2px solid #9ca3af; vertical-align: bottom; }
td.number { text-align: right; white-space: nowrap; } th.number { text-align: right; }
td.text { min-width: 7rem; }
td.code { font-family: ui-monospace, monospace; font-size: .85em; overflow-wrap: anywhere; }
td.id { font-family: ui-monospace, monospace; font-size: .85em; white-space: nowrap; }
[title] { cursor: help; }
tbody tr:hover { background: #f3f4f6; }
.badge { color: white; border-radius: .3rem; padding: .1rem .5rem; font-size: .8rem; font-weight: 600; }
.statement { border-left: .25rem solid #0072B2; padding: .1rem .75rem; margin: .75rem 0; }
.warning { border-left: .25rem solid #D55E00; padding: .1rem .75rem; margin: .75rem 0; }
.small { color: #4b5563; font-size: .85rem; }
pre { background: #f3f4f6; padding: .75rem; overflow: auto; font-size: .8rem; }
"""


KINDS = ("text", "number", "code", "id")


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    title: str
    kind: str = "text"
    """`text`, `number` (right-aligned), `code` (digests and paths) or `id` (in one line)."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is not one of {', '.join(KINDS)}")


class Markup(str):
    """Text that is HTML already; anything else is escaped."""

    __slots__ = ()


def escaped(value: object) -> Markup:
    """A value as HTML text; None is empty."""
    if isinstance(value, Markup):
        return value
    return Markup("" if value is None else html.escape(str(value)))


def with_id(label: str, device: str) -> Markup:
    """What a device is called; its id is told where the pointer rests on it."""
    return Markup(f'<span title="{escaped(device)}">{escaped(label)}</span>')


def formula(text: str | None) -> Markup:
    """A chemical formula with its numbers below the line; 'unknown' where there is none."""
    safe = html.escape(text or "unknown")
    return Markup(re.sub(r"(?<=[A-Za-z)])\d+(?![^&]*;)", r"<sub>\g<0></sub>", safe))


def badge(origin: str) -> Markup:
    """Where devices come from.

    Raises:
        ValueError: Neither measured nor virtual.
    """
    if origin not in ORIGINS:
        raise ValueError(f"origin {origin!r} is not one of {', '.join(ORIGINS)}")
    text, colour = ORIGINS[origin]
    return Markup(f'<span class="badge" style="background: {colour}">{text}</span>')


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]], *, name: str) -> Markup:
    """A table; every cell that is no `Markup` is escaped.

    Args:
        columns: As many as each row has cells.
        rows: Cells.
        name: HTML id.

    Raises:
        ValueError: A row has another number of cells.
    """
    head = "".join(f'<th scope="col" class="{c.kind}">{escaped(c.title)}</th>' for c in columns)
    lines = [
        "<tr>"
        + "".join(f'<td class="{c.kind}">{escaped(v)}</td>' for c, v in zip(columns, row, strict=True))
        + "</tr>"
        for row in rows
    ]
    body = "\n".join(lines)
    return Markup(
        f'<table id="{escaped(name)}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'
    )


def page(title: str, *, front: Sequence[str], rest: Sequence[str] = ()) -> str:
    """A whole page.

    Args:
        title: Heading; text.
        front: Parts, HTML, that the report's front page shows too.
        rest: Parts, HTML, that stand on this page only.
    """
    begin, end = FRONT
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>',
        f"<style>{STYLE}</style></head><body>",
        f"<h1>{escaped(title)}</h1>",
        begin,
        *front,
        end,
        *rest,
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"
