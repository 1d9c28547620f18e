"""Results whose making Snakemake has forgotten: `.snakemake` was removed, as people do about a lock.

It notes anew what is made from then on; of older results it knows nothing, and takes whatever is newer
than its inputs for up to date, also where the configuration or the code is another one by now. The records
of the jobs know better.
"""

import math
from collections.abc import Mapping
from pathlib import Path

from codesign.provenance.records import FOLDER, SHARED, RecordError, commit_of, digest_of, read_record

SLACK_S = 60
"""Between the record of a job and what Snakemake notes of it lie seconds at most."""
REMEDY = (
    "Make them again with --forceall, or remove the results folder. A lock is opened by snakemake --unlock; "
    ".snakemake stays where it is"
)


def _oldest(memory: Path) -> float:
    """When Snakemake noted the first of what it still knows; the end of time where it knows nothing."""
    return min((path.stat().st_mtime for path in memory.rglob("*") if path.is_file()), default=math.inf)


def forgotten(results: Path, *, memory: Path, config: Mapping, checkout: Path) -> str:
    """What to tell about results that are there while Snakemake's own memory is not; '' where all is well.

    Args:
        results: Folder with `provenance`.
        memory: Snakemake's folder of what it knows of files, `.snakemake/metadata`.
        config: The configuration now.
        checkout: Folder of the project.
    """
    root, since = results / FOLDER, _oldest(memory)
    unknown = [
        path
        for path in root.rglob("*.json")
        if path.relative_to(root).parts[0] not in SHARED and path.stat().st_mtime < since - SLACK_S
    ]
    if not unknown:
        return ""
    try:
        records = [read_record(path) for path in sorted(unknown)]
    except RecordError as error:
        return f"Snakemake's memory of these results is gone, and {error}. {REMEDY}"
    there = [record for record in records if any(Path(path).exists() for path in record.outputs)]
    now = digest_of(config)
    other = sum(record.config != now for record in there)
    commit, modified = commit_of(checkout)
    older = sum(record.commit != commit for record in there) if commit and not modified else 0
    if not other and not older:
        return ""
    said = [f"{other} ran with another configuration"] * bool(other)
    said += [f"{older} ran on another commit"] * bool(older)
    return (
        f"Snakemake's memory of the results (.snakemake) is gone, and of the {len(there)} jobs whose results "
        f"are here {' and '.join(said)}: these may be out of date without a word. {REMEDY}."
    )
