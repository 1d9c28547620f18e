"""`python -m codesign.iv check PATH...`: what is wrong with measurement files and how to mend it."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from codesign.iv.check import Finding, check_files, files_in
from codesign.iv.conditions import read_varied
from codesign.iv.formats import FormatError
from codesign.iv.names import DEVICE_LISTS
from codesign.iv.told import MANY, Said, summary, told, worst_first
from codesign.settings import SettingsError
from codesign.terminal import one_line

CONFIG = Path("config.yaml")
"""Where the workflow is run, its configuration."""
COLUMNS = ("file", "level", "where", "what", "remedy")
COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 where no file has an error (with `--strict`: nor a warning), 1 where one has, 2 where a path
        does not exist or an importer of the project is wrong.
    """
    parser = argparse.ArgumentParser(prog="python -m codesign.iv", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        help="check files or folders",
        description="Check measurement files the way the import does and print what is wrong and how to "
        "mend it. Nothing is changed but by --template. The exit status is 1 where a file has an error.",
    )
    check.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="instrument file, parquet or folder"
    )
    check.add_argument("--strict", action="store_true", help="exit with status 1 on a warning, too")
    check.add_argument(
        "-v",
        "--all",
        action="store_true",
        dest="everything",
        help=f"on a terminal: of more than {MANY} files, too, show notes, and what files share once a file",
    )
    check.add_argument(
        "--conditions",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a conditions workbook that lies elsewhere; may be given several times",
    )
    check.add_argument(
        "--template",
        action="store_true",
        help=f"first write the names of the folder's files into its {DEVICE_LISTS[0]}, where conditions go; "
        "rows that are there stay as they are",
    )
    check.add_argument(
        "--workbook",
        action="store_true",
        help=f"with --template: a new list is {DEVICE_LISTS[1]}, best for a spreadsheet with decimal commas",
    )
    check.add_argument(
        "--config",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help=f"a configuration that says what is varied, on top of {CONFIG} of the working folder; may be "
        "given several times, the later on top",
    )
    chosen = parser.parse_args(arguments)
    if chosen.workbook and not chosen.template:
        parser.error("--workbook goes with --template")
    try:
        varied = read_varied([*([CONFIG] if CONFIG.is_file() else []), *chosen.config])
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.template and (stop := _templates(chosen.paths, varied.variables.names, chosen.workbook)):
        return stop
    try:
        files, conditions = files_in(chosen.paths), files_in(chosen.conditions)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    if not files:
        print(f"no files in {', '.join(map(str, chosen.paths))}", file=sys.stderr)
    terminal = sys.stdout.isatty()
    progress = _progress if len(files) > 1 and sys.stderr.isatty() else iter
    try:
        findings = check_files(
            files, conditions=conditions, named=chosen.paths, varied=varied, progress=progress
        )
    except FormatError as error:
        print(error, file=sys.stderr)
        return 2
    if terminal:
        _print_table(told(findings, files=len(files), everything=chosen.everything))
    else:
        _print_plain(worst_first(findings))
    levels = {finding.level for finding in findings}
    unsaid = terminal and len(files) > MANY and not chosen.everything and levels
    print(summary(files, findings) + ("; --all shows each file and its notes" if unsaid else ""))
    return 1 if "error" in levels or (chosen.strict and "warning" in levels) else 0


def _templates(paths: Sequence[Path], conditions: Sequence[str], workbook: bool) -> int:
    """Write lists of devices; the exit status where that is not possible, else 0."""
    from codesign.iv.importers import ImportRefused
    from codesign.iv.template import write_template

    for folder in paths:
        if not folder.is_dir():
            print(f"{folder} is no folder; --template writes a list for a folder of files", file=sys.stderr)
            return 2
        try:
            path, added = write_template(folder, conditions, workbook=workbook)
        except (ImportRefused, OSError) as error:
            print(error, file=sys.stderr)
            return 2
        print(
            f"{path}: {len(added)} file(s) added" if added else f"{path}: every file has its row",
            file=sys.stderr,
        )
    return 0


def _progress(files):
    from rich.console import Console
    from rich.progress import track

    return track(files, description="Checking", console=Console(stderr=True), transient=True)


def _print_table(rows: Sequence[Said]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(show_lines=True, expand=True)
    for name, ratio in (("file", 3), ("level", None), ("where", 2), ("what, and how to mend it", 5)):
        table.add_column(name, overflow="fold", ratio=ratio)
    for row in rows:
        said = one_line(row.what) + (f"\n-> {one_line(row.remedy)}" if row.remedy else "")
        cells = ("\n".join(map(one_line, row.named)), row.level, one_line(row.where), said)
        table.add_row(*map(Text, cells), style=COLOURS[row.level])
    Console().print(table)


def _print_plain(findings: Sequence[Finding]) -> None:
    """Tab-separated, one line a finding, nothing cut: a person can search it, a program can read it."""
    print("\t".join(COLUMNS))
    for finding in findings:
        print("\t".join(one_line(cell) for cell in astuple(finding)))


if __name__ == "__main__":
    sys.exit(main())
