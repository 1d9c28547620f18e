"""`python -m codesign.tasks check NAME`: whether a task does what it declares, from one batch."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from codesign.tasks.about import AboutError
from codesign.tasks.mirror import CACHE, mirror_of
from codesign.yaml_text import read_yaml


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 where every step went well, 1 where one failed, 2 where there is no such task, network or file.
    """
    parser = argparse.ArgumentParser(prog="python -m codesign.tasks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check",
        help="take one batch through a task; nothing is trained",
        description="Take one batch of training examples through a task: declaration, examples, batch, each "
        "network twice from one generator, forward, loss, backward, scorer, details and figures. Each step "
        "says what it found, or what is wrong and where. The exit status is 1 where a step failed.",
    )
    check.add_argument("name", metavar="NAME", help="a folder of codesign/tasks")
    check.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="NETWORK",
        help="look at this network alone; may be given several times",
    )
    check.add_argument(
        "--configfile",
        nargs="+",
        type=Path,
        default=[Path("config.yaml")],
        metavar="FILE",
        help="configurations, the later on top of the earlier: the first experiment with the task says which "
        "examples are taken. Without one, the first source is, and options that must be given get a value "
        "out of their range (default: config.yaml)",
    )
    chosen = parser.parse_args(arguments)
    try:
        said, mirror = _experiment(chosen.configfile, chosen.name)
        from codesign.tasks.check import check_task  # with torch, which --help does not need

        steps = check_task(chosen.name, networks=chosen.network, said=said, mirror=mirror, cache=CACHE)
    except (AboutError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(map(str, steps)))
    failed = sum(not step.ok for step in steps)
    print(f"{chosen.name}: {f'{failed} problem(s)' if failed else 'ok'}")
    return 1 if failed else 0


def _experiment(files: Sequence[Path], task: str) -> tuple[Mapping | None, str | None]:
    """What the first experiment with a task says, and where data sets lie."""
    experiments, mirror = {}, None
    for path in files:
        said = read_yaml(path) or {}
        for name, own in (said.get("experiments") or {}).items():
            experiments[name] = None if own is None else (experiments.get(name) or {}) | own
        mirror = (said.get("datasets") or {}).get("mirror") or mirror
    found = [own for own in experiments.values() if own and own.get("task") == task and "source" in own]
    return (found[0] if found else None), mirror_of({"datasets": {"mirror": mirror}})


if __name__ == "__main__":
    sys.exit(main())
