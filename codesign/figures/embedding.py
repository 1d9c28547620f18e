"""Fonts in PDF files: only what a finished page needs of them, and without a word."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from fontTools.subset import Options

LAYOUT = ("GSUB", "GPOS", "GDEF", "MATH")
"""Tables that tell how letters are set. In a PDF they are set already."""


@contextmanager
def lean_fonts() -> Iterator[None]:
    """Inside, Matplotlib embeds fonts without their layout tables: a third of the time of a figure.

    Matplotlib makes fontTools' options itself and lets nobody in, so it is the default that changes. Where
    fontTools has no such default, fonts are embedded with those tables: the page is the same.
    """
    logger = logging.getLogger("fontTools")
    level = logger.level
    dropped = getattr(Options, "_drop_tables_default", None)
    logger.setLevel(logging.WARNING)  # it logs each table that it leaves out
    if dropped is not None:
        Options._drop_tables_default = [*dropped, *LAYOUT]
    try:
        yield
    finally:
        logger.setLevel(level)
        if dropped is not None:
            Options._drop_tables_default = dropped
