"""Choose noise and starting scale of a method: the search's best trial, or what the configuration fixes."""

import json
from pathlib import Path

from codesign.bayesmulti.methods import method_of
from codesign.files import replacing
from codesign.log import log_to
from codesign.noise_search.rounds import (
    SearchSettings,
    choose_trial,
    read_trial,
    search_space,
    unsearched,
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
    search: SearchSettings,
    site: str,
    fixed: list[float],
) -> None:
    """Write the specification and what it rests on."""
    made = [read_trial(path, experiment.about.metric) for path in trials]
    if method_of(method).searched:
        spec, scale = choose_trial(made, search_space(experiment, method, search))
    else:
        spec, scale = unsearched(made, experiment, method, site=site, fixed=fixed)
    content = {
        "specification": spec.to_json(),
        "initial_scale": scale,
        "trials": [
            {"parameters": t.parameters, "objective": t.objective, "standard_error": t.standard_error}
            for t in made
        ],
    }
    with replacing(chosen) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    keep_only(chosen.parent / "trained", spec.to_json(), scale)
    found = f"{spec.site} {spec.to_json()['layers']}, start x {scale:g}"
    print(f"{experiment.name} {method}: {found}, of {len(made)} trials")


if __name__ == "__main__":
    with log_to(snakemake.log[0]), recorded(snakemake):
        main(
            trials=[Path(path) for path in snakemake.input.trials],
            chosen=Path(snakemake.output.chosen),
            experiment=Experiment.of(snakemake),
            method=snakemake.wildcards.method,
            search=SearchSettings(**snakemake.params.search),
            site=snakemake.params.site,
            fixed=snakemake.params.fixed,
        )
