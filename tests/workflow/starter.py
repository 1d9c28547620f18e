"""Snakemake for one run after another: imported once and forked for each; a short run is mostly imports.

Nothing of the project is imported here: a run takes it from its own folder, as `python -m snakemake` does.
A line of standard input asks for a run (JSON: folder, arguments, environment, output), and a line of
standard output gives its exit status.
"""

import json
import os
import signal
import sys
from pathlib import Path

import jsonschema.validators  # noqa: F401  this and the following for runs, none of which has to import it then
import pandas  # noqa: F401
import pyarrow  # noqa: F401
import snakemake.assets
import snakemake.cli
import snakemake.dag
import snakemake.profiles
import snakemake.report.html_reporter
import snakemake.storage
import snakemake.workflow

LONGEST_S = 600


def run(folder: str, arguments: list[str], environment: dict[str, str], output: str) -> None:
    """What `python -m snakemake` does in this folder; ends this process."""
    signal.alarm(LONGEST_S)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(descriptor, place)
    os.close(nothing)
    os.close(written)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    snakemake.workflow.Workflow._rundir = folder  # found when the module is imported
    sys.argv = [str(Path(snakemake.__file__).with_name("__main__.py")), *arguments]
    snakemake.cli.main()


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(**json.loads(line))
            break
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
