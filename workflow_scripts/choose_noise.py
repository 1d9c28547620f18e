"""Choose noise and starting scale of a method's networks: the best trial, or what the configuration fixes."""

import json
from pathlib import Path

from codesign.bayesmulti.methods import method_of
from codesign.files import replacing
from codesign.log import log_to
from codesign.models.aims import PANEL, Aim
from codesign.noise_search.rounds import (
    PanelTrial,
    SearchSettings,
    choose,
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
    site: str | None,
    fixed: list[float] | None,
) -> None:
    """Write the specification of each aim, and what it rests on."""
    made = [read_trial(path, experiment.about.metric) for path in trials]
    if method_of(method).searched:
        space = search_space(experiment, method, search)
        found = choose(made, space, search_for=search.search_for)
    else:
        found = unsearched(made, experiment, method, search_for=search.search_for, site=site, fixed=fixed)
    content = {
        "method": method,
        "networks": [choice.said() for choice in found],
        "trials": [said_of_trial(trial, [choice.aim for choice in found]) for trial in made],
    }
    with replacing(chosen) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    keep_only(
        chosen.parent / "trained",
        [(choice.specification.to_json(), choice.initial_scale) for choice in found],
    )
    for choice in found:
        spec = choice.specification
        noise = f"{spec.site} {spec.to_json()['layers']}" if spec.layers else "no noise"
        print(f"{experiment.name} {method}, {choice.aim.name}: {noise}, start x {choice.initial_scale:g}")
    print(f"of {len(made)} trials")


def said_of_trial(trial: PanelTrial, aims: list[Aim]) -> dict:
    """A trial as `chosen.json` holds it: on the whole panel, and towards each aim."""
    whole = trial.towards(Aim(PANEL))
    towards = {aim.name: trial.towards(aim) for aim in aims}
    return {
        "parameters": trial.parameters,
        "objective": whole.objective,
        "standard_error": whole.standard_error,
        "towards": {
            name: {"objective": each.objective, "standard_error": each.standard_error}
            for name, each in towards.items()
        },
    }


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
