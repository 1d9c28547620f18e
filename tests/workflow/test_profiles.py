"""Profiles say how the workflow runs; what they name must exist, and what exists must be named."""

import re

import pytest
import yaml

from tests.workflow.tiny import COLLECTING, REPOSITORY

RULES = {
    name
    for path in sorted((REPOSITORY / "rules").glob("*.smk"))
    if path.name != "bench.smk"
    for name in re.findall(r"^(?:rule|checkpoint) (\w+):$", path.read_text(), re.MULTILINE)
}
"""Rules that a cluster may run; those of bench.smk need an instrument."""


@pytest.fixture(scope="module")
def slurm() -> dict:
    """The profile as Snakemake reads it."""
    return yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())


def test_every_rule_has_resources_on_a_cluster(slurm):
    """A rule that is not named would never get more memory; a name that is no rule is silently ignored."""
    assert set(slurm["set-resources"]) == RULES - set(COLLECTING)


def test_memory_and_time_grow_with_every_attempt(slurm):
    """The second and third attempt ask for two and three times as much, whatever the task."""
    for rule, resources in slurm["set-resources"].items():
        for name in ("mem_mb", "runtime"):
            for task in ("moons", "cifar-resnet18"):
                once, twice = (_value(resources[name], task=task, attempt=attempt) for attempt in (1, 2))
                assert once > 0 and twice == 2 * once, f"{rule}: {name}"


def test_only_training_at_paper_scale_asks_for_a_gpu(slurm):
    """CIFAR-10 networks train on a GPU; embedded data and MNIST, and everything else, do without."""
    paper = yaml.safe_load((REPOSITORY / "config.paper.yaml").read_text())["tasks"]
    quick = yaml.safe_load((REPOSITORY / "config.yaml").read_text())["tasks"]
    asks = {
        (rule, task)
        for rule, resources in slurm["set-resources"].items()
        for task in paper | quick
        if _value(resources.get("gpu", 0), task=task, attempt=1)
    }
    large = {task for task, settings in paper.items() if settings and settings["source"] == "cifar10"}
    assert asks == {(rule, task) for rule in ("run_noise_trial", "train_network") for task in large}


def test_groups_are_of_rules_and_have_a_size(slurm):
    """A group without a size would send every device by itself."""
    assert set(slurm["groups"]) <= RULES
    assert set(slurm["groups"].values()) == set(slurm["group-components"])


def test_a_site_says_where_and_the_profile_says_how(slurm):
    """The site's file is read last and replaces keys as a whole: it must not hide resources or groups."""
    site = yaml.safe_load((REPOSITORY / "profiles/slurm/site.example.yaml").read_text())
    assert set(site).isdisjoint(slurm)
    assert not {"slurm_account", "slurm_partition"} & {
        name for each in slurm["set-resources"].values() for name in each
    }


def _value(expression: str | int, *, task: str, attempt: int) -> int:
    """A resource as Snakemake evaluates it."""
    wildcards = type("Wildcards", (), {"task": task})
    return eval(str(expression), {"wildcards": wildcards, "attempt": attempt})
