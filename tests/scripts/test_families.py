"""The networks of a method, one for each level: trained once where they are alike, each scored on its own."""

import importlib.util
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import yaml

import codesign.training.job
from codesign.bayesmulti.noise import PLAIN
from codesign.bayesmulti.specification import method_spec
from codesign.configuration import shared_training
from codesign.evaluation.job import detail_rows, evaluate_networks, plan_of
from codesign.models.aims import Aim
from codesign.models.family import read_family, weights_name
from codesign.models.weights import read_weights
from codesign.noise_search.rounds import SearchSettings
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.nonideality.profile import write_profiles
from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.training import HISTORY
from codesign.tables import read_metadata, read_rows, read_table
from codesign.tasks.experiment import Experiment
from codesign.training.choice import Choice
from codesign.training.job import train_experiment

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
MOONS = Experiment.make(
    "two-moons",
    {
        "task": "moons", "source": "generated", "network": "perceptron", "epochs": 4, "batch_size": 20,
        "learning_rate": 0.02, "train_size": 40, "test_size": 30, "noise": 0.2,
    },
    data={"seed": 5, "validation_fraction": 0.2},
)  # fmt: skip
SHARED = shared_training(CONFIG) | {"start": "scratch", "further": 0.5, "patience": None}
MEMSIM = CONFIG["memsim"]
LEVELS = (0.9, 0.6, 0.3)
TREND = Trend(0.14, 0.7, 9, "measured")
FIDELITIES = {1.0: 1.0, 0.9: 0.97, 0.85: 0.75, 0.6: 0.9, 0.5: 0.96, 0.3: 0.7, 0.1: 0.5}
"""Not in the order of usability: 0.85 is nearest to the poorest level of the panel, 0.5 to the best."""


def levels_of(*levels):
    """Profiles of these levels, in this order."""
    made = {
        profile.level: replace(profile, fidelity=FIDELITIES[profile.level])
        for profile in synthetic_profiles(levels, TREND, min_operative_fraction=0.35)
    }
    return [made[level] for level in levels]


PANEL, PROFILES = levels_of(*LEVELS), levels_of(0.3, 1.0, 0.85, 0.6, 0.5, 0.1)
OWN = dict(zip((0.3, 1.0, 0.85, 0.6, 0.5, 0.1), ("0.3", "0.9", "0.3", "0.6", "0.9", "0.3"), strict=True))
"""The level whose network each takes, by hand."""
SEARCH = SearchSettings(
    "model", CONFIG["search"]["limits"], CONFIG["search"]["variance"], (1.0, 0.4), "level"
)
DROPOUT, OTHER = (method_spec("dropout", {"rate": rate}, 2, site="weight") for rate in (0.1, 0.3))


def run(name, **given):
    """main() of a script."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "workflow_scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(**given)


def chosen(folder, *choices, method="dropout"):
    """A file of choices (noise, starting scale), for the first levels of the panel."""
    made = [
        Choice(Aim(f"{p.level:g}", p.level, p.profile, p.usability, p.fidelity), noise, scale).said()
        for p, (noise, scale) in zip(PANEL, choices, strict=False)
    ]
    folder.mkdir(parents=True)
    path = folder / "chosen.json"
    path.write_text(json.dumps({"method": method, "networks": made, "trials": []}), encoding="utf-8")
    return path


def train(choice, target, *, repeat=1, training=SHARED, levels=LEVELS):
    """Networks of what was chosen; a file for every level the configuration has."""
    made = target / f"repeat-{repeat}"
    run(
        "train_network",
        chosen=choice,
        weights={f"{level}": made / weights_name(f"{level}") for level in levels},
        history=made / "history.parquet",
        spec=made / "spec.json",
        experiment=MOONS,
        method="dropout",
        repeat=repeat,
        training=training,
        seed=5,
        code="",
        plain_code="",
    )
    return made


def bits(path):
    """Weights as they lie in a file."""
    weights, _ = read_weights(path)
    return {name: tensor.numpy().tobytes() for name, tensor in weights.items()}


def trained(noise, *, scale=1.0, training=SHARED, seed=5):
    """What training gives with nothing kept."""
    found = train_experiment(MOONS, noise, initial_scale=scale, shared=training, seed=seed)
    return {name: tensor.numpy().tobytes() for name, tensor in found.result.weights.items()}


@pytest.fixture
def trainings(monkeypatch):
    """What the loop was asked to train: the method, and the epochs."""
    made, loop = [], codesign.training.job.train

    def counted(*arguments, **more):
        made.append((more["identity"]["specification"]["method"], more["settings"].epochs))
        return loop(*arguments, **more)

    monkeypatch.setattr(codesign.training.job, "train", counted)
    return made


def test_a_short_trial_leaves_nothing_to_the_training(tmp_path, trainings):
    """A quarter of the epochs judge the noise; what is chosen is trained for all of them."""
    choice = chosen(tmp_path / "search/dropout", (DROPOUT, 1.0))
    asked = {"parameters": {"rate": 0.1, "initial_scale": 1.0}, "specification": DROPOUT.to_json()}
    proposal = choice.with_name("round-1.json")
    proposal.write_text(json.dumps({"slots": [asked]}), encoding="utf-8")
    write_profiles(PANEL, tmp_path / "panel.parquet")
    for more, kept in (({"share": 0.25}, 0), ({}, 1)):
        run(
            "run_noise_trials",
            proposal=proposal,
            panel=tmp_path / "panel.parquet",
            trials={1: choice.with_name("round-1-slot-1.parquet")},
            experiment=MOONS,
            training=SHARED | more,
            memsim=MEMSIM,
            programmings=2,
            calibration="none",
            seed=5,
            code="",
            plain_code="",
            leave=not more,
        )
        assert len(list(choice.parent.glob("trained/*.safetensors"))) == kept
    assert trainings == [("dropout", 1), ("dropout", 4)]
    train(choice, tmp_path / "models")
    assert len(trainings) == 2  # the whole trial's network


def test_networks_that_are_alike_are_trained_once(tmp_path, trainings):
    """Three levels, two trainings; each file holds what training with that noise alone gives."""
    choice = chosen(tmp_path / "search/dropout", (DROPOUT, 1.0), (OTHER, 0.4), (DROPOUT, 1.0))
    made = train(choice, tmp_path / "models")
    assert trainings == [("dropout", 4)] * 2
    files = [made / weights_name(f"{level}") for level in LEVELS]
    assert bits(files[0]) == bits(files[2]) == trained(DROPOUT)
    assert bits(files[1]) == trained(OTHER, scale=0.4) != bits(files[0])
    said = json.loads((made / "spec.json").read_text(encoding="utf-8"))
    assert [(each["name"], each["network"]) for each in said["networks"]] == [
        ("0.9", 1), ("0.6", 2), ("0.3", 1),
    ]  # fmt: skip
    wanted = json.loads(choice.read_text(encoding="utf-8"))["networks"]
    assert [{name: each[name] for name in wanted[0]} for each in said["networks"]] == wanted
    history = read_table(made / "history.parquet", schema=HISTORY).to_pylist()
    assert {(row["network"], row["epoch"]) for row in history} == {
        (k, epoch) for k in (1, 2) for epoch in range(1, 5)
    }
    for path, names in zip(files, (["0.9", "0.3"], ["0.6"], ["0.9", "0.3"]), strict=True):
        assert [each["name"] for each in read_weights(path)[1]["networks"]] == names


def test_networks_trained_twice_have_the_same_bytes(tmp_path):
    """All files of a folder, from nothing."""
    seen = []
    for name in ("one", "two"):
        choice = chosen(tmp_path / name / "dropout", (DROPOUT, 1.0), (PLAIN, 0.4), (DROPOUT, 1.0))
        made = train(choice, tmp_path / f"models-{name}")
        seen.append({path.name: path.read_bytes() for path in made.iterdir()})
    assert seen[0] == seen[1] and len(seen[0]) == 5


def test_a_repeat_has_other_weights_and_the_same_examples(tmp_path, trainings):
    """The second training of every network, none taken from the first; both say where examples came from."""
    choice = chosen(tmp_path / "search/dropout", (DROPOUT, 1.0), (PLAIN, 1.0), (OTHER, 1.0))
    first, second = (train(choice, tmp_path / "models", repeat=repeat) for repeat in (1, 2))
    assert [method for method, _ in trainings] == ["dropout", "erm", "dropout"] * 2
    for level in LEVELS:
        one, two = (bits(made / weights_name(f"{level}")) for made in (first, second))
        assert all(one[name] != two[name] for name in one if name.endswith("weight"))
    said = [json.loads((made / "spec.json").read_text(encoding="utf-8")) for made in (first, second)]
    assert [each["repeat"] for each in said] == [1, 2] and said[0]["data"] == said[1]["data"]
    assert said[0]["seed"] == said[1]["seed"] == 5, "the root seed; examples are divided by it"


def test_a_level_without_a_device_holds_the_network_of_the_nearest_level(tmp_path, trainings):
    """A panel of two devices for three levels: all files are there, two networks are told of."""
    choice = chosen(tmp_path / "search/dropout", (DROPOUT, 1.0), (OTHER, 1.0))
    made = train(choice, tmp_path / "models")
    assert len(trainings) == 2
    files = [made / weights_name(f"{level}") for level in LEVELS]
    assert bits(files[2]) == bits(files[1]) != bits(files[0])
    assert [aim.name for aim in read_family(made / "spec.json")] == ["0.9", "0.6"]


@pytest.mark.parametrize("noise", [DROPOUT, PLAIN], ids=["dropout", "erm"])
def test_a_training_from_erm_goes_on_from_it(tmp_path, trainings, noise):
    """ERM first, once for all levels, then half of the epochs with the noise, for ERM without any."""
    further = SHARED | {"start": "erm"}
    choice = chosen(tmp_path / "search/dropout", (noise, 1.0), (noise, 1.0), (OTHER, 1.0))
    made = train(choice, tmp_path / "models", training=further)
    assert trainings == [("erm", 4), (noise.method, 2), ("dropout", 2)]
    assert len(list((tmp_path / "search/trained").iterdir())) == 1 + noise.is_plain
    for level, spec in zip(LEVELS, (noise, noise, OTHER), strict=True):
        assert bits(made / weights_name(f"{level}")) == trained(spec, training=further) != trained(PLAIN)


@pytest.fixture(scope="module")
def family(tmp_path_factory):
    """Three networks of one method that differ."""
    folder = tmp_path_factory.mktemp("family")
    choice = chosen(folder / "search/dropout", (DROPOUT, 1.0), (PLAIN, 0.4), (OTHER, 1.0))
    return read_family(train(choice, folder / "models") / "spec.json")


@pytest.mark.parametrize("calibrations", [["none"], ["none", "scale"]], ids=len)
def test_rows_of_a_family_are_those_of_each_network_alone(family, calibrations):
    """Each profile in its own network, rows by noise and by profile as profiles come."""
    plan = plan_of(
        MOONS, method="dropout", stands_for="device", memsim=MEMSIM, noises=["resampled", "lognormal"],
        programmings=2, repeat=3, calibrations=calibrations,
    )  # fmt: skip
    resampled = [
        replace(profile, log_ratio=np.linspace(-profile.sigma, profile.sigma, 9)) for profile in PROFILES
    ]
    rows, source = evaluate_networks(family, MOONS, resampled, plan)
    assert source["dataset"] == "two moons" and {row["repeat"] for row in rows} == {3}
    order = [(row["noise"], row["profile"]) for row in rows]
    assert list(dict.fromkeys(order)) == [(noise, p.profile) for noise in plan.noises for p in resampled]
    assert order == sorted(order, key=lambda pair: list(dict.fromkeys(order)).index(pair)), "none comes back"
    assert len({row["aim"] for row in rows}) == 3
    for profile in resampled:
        aim = next(aim for aim in family if aim.name == OWN[profile.level])
        alone, _ = evaluate_networks({aim: family[aim]}, MOONS, [profile], plan)
        assert [row for row in rows if row["profile"] == profile.profile] == alone
        assert {row["aim"] for row in alone} == {OWN[profile.level]}


def test_a_device_of_the_panel_is_scored_in_the_network_chosen_for_it(family):
    """Levels of the panel among what is evaluated."""
    plan = plan_of(
        MOONS, method="dropout", stands_for="level", memsim=MEMSIM, noises=["lognormal"], programmings=1
    )
    rows, _ = evaluate_networks(family, MOONS, PANEL, plan)
    assert [(row["level"], row["aim"]) for row in rows] == [(level, f"{level}") for level in LEVELS]


def test_details_of_a_family_are_those_of_each_network_alone(family):
    """By profile, as profiles come; of no profile there is nothing."""
    plan = plan_of(
        MOONS, method="dropout", stands_for="level", memsim=MEMSIM, noises=["lognormal"], programmings=2
    )
    rows = detail_rows(family, MOONS, PROFILES, plan)
    alone = []
    for profile in PROFILES:
        aim = next(aim for aim in family if aim.name == OWN[profile.level])
        alone += detail_rows({aim: family[aim]}, MOONS, [profile], plan)
    assert rows == alone and detail_rows(family, MOONS, [], plan) == []
    assert evaluate_networks(family, MOONS, [], plan)[0] == []


def test_scripts_take_the_family_from_its_specification(family, tmp_path):
    """Weights are found beside it; the table's rows are those of the function."""
    spec = next(iter(family.values())).parent / "spec.json"
    write_profiles(PROFILES, tmp_path / "levels.parquet")
    plan = plan_of(
        MOONS, method="dropout", stands_for="level", memsim=MEMSIM, noises=["lognormal"], programmings=2,
    )  # fmt: skip
    given = {"spec": spec, "profiles": tmp_path / "levels.parquet", "experiment": MOONS, "plan": plan}
    run("evaluate_network", evaluation=tmp_path / "e.parquet", **given)
    rows = read_table(tmp_path / "e.parquet", schema=EVALUATION).to_pylist()
    assert rows == evaluate_networks(family, MOONS, PROFILES, plan)[0]
    run("detail_network", details=tmp_path / "d.parquet", levels=[0.3, 0.85], **given)
    assert [row["level"] for row in read_rows(tmp_path / "d.parquet")] == [0.3] * 60 + [0.85] * 60


def stack(folder, trainings):
    """Evaluations on levels of several trainings as one table."""
    paths = []
    for repeat in trainings:
        plan = plan_of(
            MOONS, method="dropout", stands_for="level", memsim=MEMSIM, noises=["lognormal"], programmings=1,
            repeat=repeat,
        )  # fmt: skip
        paths.append(folder / f"levels-{repeat}.parquet")
        given = {"spec": folder / f"repeat-{repeat}/spec.json", "profiles": folder / "levels.parquet"}
        run("evaluate_network", evaluation=paths[-1], experiment=MOONS, plan=plan, **given)
    return paths


def test_trainings_are_stacked_one_after_the_other(tmp_path):
    """Levels by training, then devices; every row says which training it is of."""
    choice = chosen(tmp_path / "search/dropout", (DROPOUT, 1.0), (PLAIN, 0.4), (OTHER, 1.0))
    for repeat in (1, 2):
        train(choice, tmp_path, repeat=repeat)
    write_profiles(PROFILES, tmp_path / "levels.parquet")
    paths = stack(tmp_path, (1, 2))
    run("stack_evaluation", levels=paths, devices=paths[::-1], evaluation=tmp_path / "all.parquet")
    rows = read_table(tmp_path / "all.parquet", schema=EVALUATION).to_pylist()
    alone = [read_table(path, schema=EVALUATION).to_pylist() for path in paths]
    assert rows[:12] == alone[0] + alone[1]
    assert [row["repeat"] for row in rows[12:]] == [1, 2] * 6
    assert sorted(map(str, rows[12:])) == sorted(map(str, alone[0] + alone[1]))
    values = [[row["value"] for row in part] for part in alone]
    assert values[0] != values[1], "another training scores otherwise"
    run("stack_evaluation", levels=paths, devices=[], evaluation=tmp_path / "levels-alone.parquet")
    assert read_table(tmp_path / "levels-alone.parquet", schema=EVALUATION).to_pylist() == rows[:12]


def test_no_test_example_is_seen_before_the_evaluation(tmp_path, monkeypatch):
    """Trials, proposals, choices and trainings work where reading the test examples is an error."""
    moons = type(MOONS.definition)
    examples = moons.examples

    def refused(self, settings, *parts):
        if "test" in parts:
            raise RuntimeError("test examples were read")
        return examples(self, settings, *parts)

    monkeypatch.setattr(moons, "examples", refused)
    search, own_folder = tmp_path / "search", tmp_path / "search/bayesmulti"
    own_folder.mkdir(parents=True)
    write_profiles(PANEL, tmp_path / "panel.parquet")
    shared = {"panel": tmp_path / "panel.parquet", "experiment": MOONS, "training": SHARED, "memsim": MEMSIM}
    shared |= {"programmings": 2, "calibration": "none", "seed": 5, "code": ""}
    corners = [search / "corner-1.parquet", search / "corner-2.parquet"]
    for scale, trial in zip(SEARCH.scales, corners, strict=True):
        run("run_corner_trial", trial=trial, initial_scale=scale, **shared)
    method = {"experiment": MOONS, "method": "bayesmulti", "search": SEARCH}
    trials = [*corners]
    for round in (1, 2):
        proposal = own_folder / f"round-{round}.json"
        run("propose_noise", trials=trials, proposal=proposal, round=round, slots=2, seed=5, **method)
        made = {slot: own_folder / f"round-{round}-slot-{slot}.parquet" for slot in (1, 2)}
        run("run_noise_trials", proposal=proposal, trials=made, plain_code="", **shared)
        trials += made.values()
    choice = own_folder / "chosen.json"
    run("choose_noise", trials=trials, chosen=choice, site="activation", fixed=[0.3, 0.3], **method)
    made = train(choice, tmp_path / "models")
    assert [aim.name for aim in read_family(made / "spec.json")] == [f"{level}" for level in LEVELS]
    assert {read_metadata(path)["data"]["obtained"] for path in trials} == {"generated"}
    plan = plan_of(
        MOONS, method="bayesmulti", stands_for="level", memsim=MEMSIM, noises=["lognormal"], programmings=1
    )
    with pytest.raises(RuntimeError, match="test examples were read"):
        evaluate_networks(read_family(made / "spec.json"), MOONS, PROFILES, plan)


def test_what_a_choice_says_of_an_aim_is_what_the_panel_knows(tmp_path):
    """Names, devices and fidelities go from file to file unchanged."""
    choice = chosen(tmp_path / "search/dropout", (DROPOUT, 1.0), (PLAIN, 0.4), (OTHER, 1.0))
    made = train(choice, tmp_path / "models")
    for aim, device in zip(read_family(made / "spec.json"), PANEL, strict=True):
        assert asdict(aim) == {
            "name": f"{device.level:g}", "level": device.level, "profile": device.profile,
            "usability": device.usability, "fidelity": device.fidelity,
        }  # fmt: skip
