"""Choose the noise a method trains with: the search's best trial, or what the configuration fixes."""

import json
from pathlib import Path

from codesign.files import replacing
from codesign.log import log_to
from codesign.noise_search.rounds import (
    choose_specification,
    read_trial,
    search_space,
    unsearched_specification,
)
from codesign.provenance.records import recorded
from codesign.tasks.experiment import Experiment
from codesign.training.kept import keep_only


def main(
    *,
    trials: list[Path],
    chosen: Path,
    experiment: Experiment,
    method: str,
    site: str,
    tie: str,
    limits: dict,
    fixed: list[float],
) -> None:
    """Write the specification and what it rests on."""
    made = [read_trial(path, experiment.about.metric) for path in trials]
    if made:
        space = search_space(experiment, method, site=site, tie=tie, limits=limits)
        spec = choose_specification(made, space, site=site)
    else:
        spec = unsearched_specification(experiment, method, site=site, fixed=fixed)
    content = {
        "specification": spec.to_json(),
        "trials": [
            {"parameters": t.parameters, "objective": t.objective, "standard_error": t.standard_error}
            for t in made
        ],
    }
    with replacing(chosen) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    keep_only(chosen.parent / "trained", spec.to_json())
    print(f"{experiment.name} {method}: {spec.to_json()['layers']} of {len(made)} trials")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            trials=[Path(path) for path in snakemake.input.trials],
            chosen=Path(snakemake.output.chosen),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            site=snakemake.params.site,
            tie=snakemake.params.tie,
            limits=snakemake.params.limits,
            fixed=snakemake.params.fixed,
        )
