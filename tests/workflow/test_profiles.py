"""Profiles say how the workflow runs; what they name must exist, and what exists must be named."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import yaml

from codesign.tasks.about import about_of
from tests.workflow.tiny import COLLECTING, REPOSITORY

RULES = {
    name
    for path in sorted((REPOSITORY / "rules").glob("*.smk"))
    if path.name != "bench.smk"
    for name in re.findall(r"^ *(?:rule|checkpoint) (\w+):$", path.read_text(), re.MULTILINE)
}
"""Rules that a cluster may run; those of bench.smk need an instrument."""
WITH_A_NETWORK = {
    "train_start",
    "run_corner_trial",
    "run_noise_trials",
    "train_network",
    "evaluate_levels",
    "evaluate_devices",
    "evaluate_beside",
    "detail_network",
    "ablate_start",
    "certify_network",
    "prepare_examples",
}
"""Rules that ask for what the configuration says of their experiment."""


@dataclass(frozen=True)
class Asked:
    """What a job asks for."""

    rule: str
    experiment: str
    gpus: int
    memory_mb: int
    minutes: int


@pytest.fixture(scope="module")
def slurm() -> dict:
    """The profile as Snakemake reads it."""
    return yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())


@pytest.fixture
def asked(project) -> Callable[..., set[Asked]]:
    """What jobs with a network ask for where no profile says more, from a dry run of every experiment."""
    for path in (project.folder / "rules").glob("*.smk"):  # a job that has a message shows no resources
        path.write_text(re.sub(r"^ +message:\n.*\n", "", path.read_text(), flags=re.MULTILINE))
    little = {"virtual_lab": {"devices": 5}, "training": {"methods": ["erm", "bayesmulti"], "start": "erm"}}
    little |= {"search": {"rounds": 1, "slots": 2, "trials_per_job": 2}}
    little |= {"evaluation": {"devices_per_job": 128, "analog_beside": ["all"]}}
    (project.folder / "little.yaml").write_text(yaml.safe_dump(little))

    def of_every_job(overlay: str, *, attempt: int) -> set[Asked]:
        configuration = {name: (REPOSITORY / name).read_text() for name in ("config.yaml", overlay)}
        for name, text in configuration.items():
            (project.folder / name).write_text(text)
        arguments = ("--attempt", str(attempt), "--configfile", *configuration, "little.yaml")
        targets = ("evaluation", "certificates", "network_figures", "ablation")
        output = project.snakemake("-n", *targets, *arguments).stdout
        jobs = re.findall(r"^(?:rule|checkpoint) (\w+):\n((?:    .+\n)+)", output, re.MULTILINE)
        return {_asked(rule, text) for rule, text in jobs if rule in WITH_A_NETWORK or "gpu=" in text}

    return of_every_job


def test_every_rule_has_resources_on_a_cluster(slurm):
    """A rule that is not named would never get more memory; a name that is no rule is silently ignored."""
    assert set(slurm["set-resources"]) == RULES - set(COLLECTING) - WITH_A_NETWORK


def test_memory_and_time_grow_with_every_attempt(slurm):
    """The second attempt asks for twice as much as the first."""
    for rule, resources in slurm["set-resources"].items():
        for name in ("mem_mb", "runtime"):
            once, twice = (eval(str(resources[name]), {"attempt": attempt}) for attempt in (1, 2))
            assert once > 0 and twice == 2 * once, f"{rule}: {name}"


def test_jobs_with_a_network_ask_for_what_its_experiment_says(asked):
    """CIFAR-10 at the paper's size: a GPU for all its networks do; MNIST and embedded data do without."""
    experiments = yaml.safe_load((REPOSITORY / "config.yaml").read_text())["experiments"]
    experiments |= yaml.safe_load((REPOSITORY / "config.paper.yaml").read_text())["experiments"]
    large = {name for name, said in experiments.items() if said["source"] == "cifar10"}
    assert 0 < len(large) < len(experiments)
    pictured = {name for name, said in experiments.items() if about_of(said["task"]).details}
    assert 0 < len(pictured) < len(experiments)
    for attempt in (1, 2):
        assert asked("config.paper.yaml", attempt=attempt) == {
            Asked(
                rule,
                name,
                gpus=int(name in large),
                memory_mb=attempt * (16000 if name in large else 6000),
                minutes=attempt * (1440 if name in large else 240),
            )
            for rule in WITH_A_NETWORK - {"prepare_examples"}  # no task there has any
            for name in (pictured if rule == "detail_network" else experiments)
        }


def test_the_small_cifar_networks_need_no_gpu(asked):
    """Names of experiments say nothing: these begin with cifar and are made for two cores."""
    jobs = asked("config.cifar-small.yaml", attempt=1)
    assert {job.experiment for job in jobs} > {"cifar-resnet18", "cifar-resnet101"}
    assert {job.gpus for job in jobs} == {0}


def test_preparing_examples_asks_for_what_the_experiment_says(asked):
    """A frozen encoder, say, wants the memory and the GPU that its network wants."""
    jobs = {each for each in asked("config.kitti.yaml", attempt=2) if each.rule == "prepare_examples"}
    assert jobs == {Asked("prepare_examples", "kitti", gpus=1, memory_mb=96000, minutes=5760)}


def test_asking_for_a_gpu_reruns_nothing(trained):
    """Where a network is computed is not what is computed: neither the key nor what it stands for counts."""
    targets = ("evaluation", "network_figures")
    assert trained.scheduled(*targets) == {}
    trained.edit(
        "codesign/tasks/moons/about.yaml",
        "  small: {memory_mb: 6000, minutes: 240}\n",
        "  small: {memory_mb: 5000, minutes: 200}\n  full: {memory_mb: 16000, minutes: 1440, gpus: 1}\n",
    )
    moons = yaml.safe_load((trained.folder / "config.yaml").read_text())["experiments"]["moons"]
    for scale in ("full", "small"):
        trained.configure({"experiments": {"moons": moons | {"scale": scale}}})
        assert trained.scheduled(*targets) == {}
    trained.configure({"experiments": {"moons": moons | {"epochs": 151, "scale": "full"}}})
    assert "train_network" in trained.scheduled(*targets)


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


def _asked(rule: str, text: str) -> Asked:
    """From the lines that a dry run has about a job."""
    experiment = re.search(r"^    wildcards: .*\bexperiment=([^,\n]+)", text, re.MULTILINE)
    resources = dict(
        re.findall(r"(\w+)=([^,\s]+)", re.search(r"^    resources: (.*)$", text, re.MULTILINE)[1])
    )
    gpus, memory_mb, minutes = (int(resources[name]) for name in ("gpu", "mem_mb", "runtime"))
    return Asked(rule, experiment[1], gpus, memory_mb, minutes)
