"""Propose the noise specifications that one round of a search tries."""

import json
from pathlib import Path

from codesign.files import replacing
from codesign.log import log_to
from codesign.noise_search.rounds import (
    SearchSettings,
    given_round,
    propose_round,
    read_trial,
    search_space,
)
from codesign.provenance.records import recorded
from codesign.tasks.experiment import Experiment


def main(
    *,
    trials: list[Path],
    proposal: Path,
    experiment: Experiment,
    method: str,
    round: int,
    slots: int,
    search: SearchSettings,
    seed: int,
) -> None:
    """Write parameters and specification of each slot."""
    space = search_space(experiment, method, search)
    made = [read_trial(path, experiment.about.metric) for path in trials]
    if search.given is None:
        found = propose_round(made, space, search_for=search.search_for, round=round, slots=slots, seed=seed)
    else:
        found = given_round(search.given, made, space, round=round, slots=slots)
    with replacing(proposal) as temporary:
        content = {"round": round, "slots": found}
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            trials=[Path(path) for path in snakemake.input.trials],
            proposal=Path(snakemake.output.proposal),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            round=int(snakemake.wildcards.round),
            slots=snakemake.params.slots,
            search=SearchSettings(**snakemake.params.search),
            seed=snakemake.params.seed,
        )
