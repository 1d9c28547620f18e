"""A script's messages, warnings and traceback into the rule's log."""

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path


@contextmanager
def log_to(path: str | Path) -> Iterator[None]:
    """Send everything the block prints, logs or warns to `path`.

    An error is written there with its traceback and goes on to the caller, so
    that Snakemake removes half-made outputs; its last line also goes to the
    real standard error, where a person looks first.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stderr
    with path.open("w", encoding="utf-8", buffering=1) as log:
        handler = logging.StreamHandler(log)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        warnings.simplefilter("default")
        try:
            with redirect_stdout(log), redirect_stderr(log):
                yield
        except BaseException as error:
            logging.getLogger("codesign").exception("the script stopped")
            print(f"{type(error).__name__}: {error}\n(see {path})", file=terminal)
            raise
        finally:
            logging.captureWarnings(False)
            root.removeHandler(handler)
            root.setLevel(level)
