"""Make the examples of an experiment and keep them, before all jobs that learn from them or score on them."""

import json
from pathlib import Path

from codesign.files import replacing, sha256_of
from codesign.log import log_to
from codesign.provenance.records import recorded
from codesign.tasks.experiment import Experiment, use_threads
from codesign.tasks.mirror import CACHE
from codesign.tasks.remote import noted

PARTS = {"fit": ("train", "validation"), "test": ("test",)}
"""Parts of a task's examples that are made together: test examples in a job of their own."""


def main(*, record: Path, experiment: Experiment, part: str) -> None:
    """Write how many examples each part has, and the sha256 of every kept file.

    Frozen parts of the network are made too, so that no two later jobs convert them at once.

    Args:
        record: JSON; without times, so that what is the same as before makes no job run again.
        part: One of `PARTS`.
    """
    with noted() as files:
        found = dict(zip(PARTS[part], experiment.examples(*PARTS[part]), strict=True))
        if part == "fit":
            experiment.blank_network()
    said = {
        "experiment": experiment.name,
        "examples": {name: len(examples) for name, examples in found.items()},
        "kept": {path.relative_to(CACHE).as_posix(): sha256_of(path) for path in sorted(files)},
    }
    with replacing(record) as temporary:
        temporary.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        use_threads(snakemake.threads)
        main(
            record=Path(snakemake.output.record),
            experiment=Experiment.of(snakemake),
            part=snakemake.wildcards.part,
        )
