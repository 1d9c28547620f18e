"""The scripts from the usability table to the correlation, one after the other on tiny files."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from codesign.bayesmulti.noise import PLAIN
from codesign.configuration import shared_training
from codesign.evaluation.calibration import calibration_batch
from codesign.evaluation.job import plan_of
from codesign.evaluation.montecarlo import evaluate
from codesign.iv.measurement import write_measurement
from codesign.models.weights import read_weights
from codesign.noise_search.rounds import SearchSettings
from codesign.nonideality.profile import read_profiles
from codesign.schemas.device import DEVICE
from codesign.schemas.evaluation import EVALUATION
from codesign.schemas.evaluation_summary import ANALOG_SUMMARY, COMPARISON, EVALUATION_SUMMARY
from codesign.schemas.profile import PROFILE
from codesign.schemas.training import HISTORY
from codesign.seeds import derived_seed
from codesign.tables import read_metadata, read_rows, read_table, write_table
from codesign.tasks.about import about_of
from codesign.tasks.experiment import Experiment
from codesign.training.job import train_experiment
from codesign.virtual_lab.sweeps import VirtualLab, make_device

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
EXTRACTION = CONFIG["extraction"] | {"bootstrap": 20}
SAID = {
    "task": "moons", "source": "generated", "network": "perceptron", "epochs": 3, "batch_size": 20,
    "learning_rate": 0.02, "train_size": 40, "test_size": 30, "noise": 0.2,
}  # fmt: skip
DATA = {"seed": 5, "validation_fraction": 0.2}
MOONS = Experiment.make("two-moons", SAID, data=DATA)
SHARED = shared_training(CONFIG)
SCALES = (1.0, 0.4)
SEARCH = SearchSettings("model", CONFIG["search"]["limits"], CONFIG["search"]["variance"], SCALES, "level")
AIMS = ("0.8", "0.5")
"""A network each: what the panel's levels are called."""
CONDITIONS = CONFIG["fabrication"]["start"]


def run(name, **given):
    """main() of a script."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "workflow_scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(**given)


@pytest.fixture(scope="module")
def devices(tmp_path_factory):
    """Four devices, the last without a usability: sweeps, rows, table, profiles, panel and levels."""
    folder = tmp_path_factory.mktemp("devices")
    (folder / "iv").mkdir()
    settings = VirtualLab(cycles=6, points=41, v_max_v=6.0, compliance_a=2.7e-5, dead_cycle_fraction=0.0)
    for seed, name in enumerate("abcd", 1):
        made = make_device(
            name, CONDITIONS, window=14 - seed, sigma=0.1 * seed, tolerated_drops=2,
            settings=settings, rng=np.random.default_rng(seed), truth={},
        )  # fmt: skip
        write_measurement(made, folder / f"virtual_lab/iv/{name}.parquet")
        run(
            "extract_nonidealities",
            sweeps=folder / f"virtual_lab/iv/{name}.parquet",
            device=folder / f"rows/{name}.parquet",
            extraction=EXTRACTION | ({"min_cycles": 99} if name == "d" else {}),
            strict=False,
            seed=5,
        )
    for chunk in ("ad", "bc"):
        run(
            "profile_devices",
            sweeps=[folder / f"virtual_lab/iv/{name}.parquet" for name in chunk],
            devices=[folder / f"rows/{name}.parquet" for name in chunk],
            profiles=folder / f"profiles-{chunk}.parquet",
            extraction=EXTRACTION,
        )
    rows = [read_table(folder / f"rows/{name}.parquet", schema=DEVICE).to_pylist()[0] for name in "abcd"]
    write_table(rows, folder / "usability.parquet", schema=DEVICE)
    run(
        "choose_panel",
        usability=folder / "usability.parquet",
        panel=folder / "panel.parquet",
        levels=folder / "levels.parquet",
        panel_by="usability",
        by="usability",
        panel_levels=[0.8, 0.5],
        synthetic_levels=[1.0, 0.5],
        min_operative_fraction=EXTRACTION["min_operative_fraction"],
        seed=5,
    )
    return folder


def corners(devices, folder, *, calibration="none"):
    """Trials without noise, which every search begins with: one a starting scale."""
    paths = []
    for start, scale in enumerate(SCALES, 1):
        paths.append(folder / f"corner-{start}.parquet")
        run(
            "run_corner_trial",
            panel=devices / "panel.parquet",
            trial=paths[-1],
            experiment=MOONS,
            initial_scale=scale,
            training=SHARED,
            memsim=CONFIG["memsim"],
            programmings=2,
            calibration=calibration,
            seed=5,
            code="",
        )
    return paths


def trials(devices, folder, *, round, slots, experiment=MOONS):
    """Trials of a round of the search, made by one job."""
    paths = {slot: folder / f"round-{round}-slot-{slot}.parquet" for slot in slots}
    run(
        "run_noise_trials",
        proposal=folder / f"round-{round}.json",
        panel=devices / "panel.parquet",
        trials=paths,
        experiment=experiment,
        training=SHARED,
        memsim=CONFIG["memsim"],
        programmings=2,
        calibration="none",
        seed=5,
        code="",
        plain_code="",
    )
    return [*paths.values()]


def proposal(folder, trials, *, round):
    """Specifications of one round."""
    run(
        "propose_noise", trials=trials, proposal=folder / f"round-{round}.json", experiment=MOONS,
        method="bayesmulti", round=round, slots=2, seed=5, search=SEARCH,
    )  # fmt: skip
    return json.loads((folder / f"round-{round}.json").read_text(encoding="utf-8"))["slots"]


@pytest.fixture(scope="module")
def search(devices, tmp_path_factory):
    """Two rounds of two trials and what is chosen; erm and bayesmulti trained and scored."""
    folder = tmp_path_factory.mktemp("search")
    without = corners(devices, folder)
    made = [*without]
    own = folder / "bayesmulti"
    for round in (1, 2):
        proposal(own, made, round=round)
        made += trials(devices, own, round=round, slots=(1, 2))
    for method, tried in (("erm", without), ("bayesmulti", made)):
        run(
            "choose_noise", trials=tried, chosen=folder / method / "chosen.json", experiment=MOONS,
            method=method, fixed=[0.3, 0.3], site="activation", search=SEARCH,
        )  # fmt: skip
        train(folder / method, method, folder / "models" / method)
        given = {"spec": folder / f"models/{method}/repeat-1/spec.json", "experiment": MOONS}
        how = {"method": method, "memsim": CONFIG["memsim"], "programmings": 3}
        levels = folder / f"{method}-levels.parquet"
        run(
            "evaluate_network",
            profiles=devices / "levels.parquet",
            evaluation=levels,
            plan=plan_of(MOONS, stands_for="level", noises=["lognormal"], **how),
            **given,
        )
        for chunk in ("ad", "bc"):
            run(
                "evaluate_network",
                profiles=devices / f"profiles-{chunk}.parquet",
                evaluation=folder / f"{method}-{chunk}.parquet",
                plan=plan_of(MOONS, stands_for="device", noises=["resampled", "lognormal"], **how),
                **given,
            )
        run(
            "stack_evaluation",
            levels=[levels],
            devices=[folder / f"{method}-{chunk}.parquet" for chunk in ("bc", "ad")],
            evaluation=folder / f"{method}.parquet",
        )
    return folder


def train(folder, method, target):
    """Train with the noise chosen in `folder`; outputs under `target`."""
    made = target / "repeat-1"
    run(
        "train_network",
        chosen=folder / "chosen.json",
        weights={aim: made / f"weights-{aim}.safetensors" for aim in AIMS},
        history=made / "history.parquet",
        spec=made / "spec.json",
        experiment=MOONS,
        method=method,
        repeat=1,
        training=SHARED,
        seed=5,
        code="",
        plain_code="",
    )


def test_panel_and_levels_are_profiles(devices):
    """A device for each level asked for, and synthetic ones; a lost device is in neither."""
    panel = read_profiles(devices / "panel.parquet")
    assert [profile.level for profile in panel] == [0.8, 0.5]
    assert {profile.kind for profile in panel} == {"device"} and "d" not in {p.profile for p in panel}
    levels = read_profiles(devices / "levels.parquet")
    assert [(p.profile, p.usability) for p in levels] == [("synthetic-1.00", 1.0), ("synthetic-0.50", 0.5)]
    assert levels[0].fidelity == pytest.approx(1.0) and 0.5 < levels[1].fidelity < 0.95
    assert all(profile.fidelity_low <= profile.fidelity <= profile.fidelity_high for profile in panel)


def test_profiles_keep_the_ratios_of_their_own_cycles(devices):
    """ln(G / mean) of each sample; a device without usability has no profile."""
    [profile] = read_profiles(devices / "profiles-ad.parquet")
    assert profile.profile == "a" and profile.log_ratio.size > 10
    assert read_table(devices / "profiles-bc.parquet", schema=PROFILE)["profile"].to_pylist() == ["b", "c"]


def test_a_search_tries_nothing_twice(devices, search):
    """Four different specifications, all with noise; each trial has a row a panel device and programming."""
    asked = [
        read_metadata(path)["asked"] for path in sorted(search.glob("bayesmulti/round-*-slot-*.parquet"))
    ]
    assert all(each["parameters"]["p_zero"] + each["parameters"]["p_half"] > 0 for each in asked)
    assert all(each["specification"]["site"] == each["parameters"]["site"] for each in asked)
    assert len({json.dumps(each, sort_keys=True) for each in asked}) == 4
    rows = read_table(search / "bayesmulti/round-2-slot-1.parquet", schema=EVALUATION).to_pylist()
    panel = [profile.profile for profile in read_profiles(devices / "panel.parquet")]
    assert sorted((row["profile"], row["programming"]) for row in rows) == sorted(
        (name, number) for name in panel for number in (0, 1)
    )


def test_trials_of_one_job_are_those_of_jobs_of_their_own(devices, search, tmp_path):
    """Nothing is left by one that the next one finds."""
    folder = tmp_path / "bayesmulti"
    folder.mkdir()
    for slot in (2, 1):
        (folder / "round-2.json").write_bytes((search / "bayesmulti/round-2.json").read_bytes())
        [alone] = trials(devices, folder, round=2, slots=[slot])
        assert alone.read_bytes() == (search / "bayesmulti" / alone.name).read_bytes()


def test_trials_are_judged_with_the_calibration_asked_for(devices, search, tmp_path):
    """As the evaluation calibrates the same network, with training examples, on validation examples.

    A network that cannot have it, statistics without batch normalisation, is judged as programmed.
    """
    (tmp_path / "statistics").mkdir()
    asked = corners(devices, tmp_path, calibration="offset")
    trained = train_experiment(MOONS, PLAIN, initial_scale=SCALES[0], shared=SHARED, seed=5)
    plan = plan_of(
        MOONS, method="erm", stands_for="level", memsim=CONFIG["memsim"], noises=["lognormal"],
        programmings=2, calibrations=["none", "offset"],
    )  # fmt: skip
    panel = read_profiles(devices / "panel.parquet")
    (training,) = MOONS.examples("train")
    seen = calibration_batch(
        MOONS.definition, training, torch.Generator().manual_seed(derived_seed(5, "calibration", MOONS.name))
    )
    rows = evaluate(trained.network, MOONS.definition, trained.validation, panel, plan, calibrating=seen)
    beside = {kind: [row for row in rows if row["calibration"] == kind] for kind in ("none", "offset")}
    assert read_table(asked[0], schema=EVALUATION).to_pylist() == beside["offset"]
    assert [row["value"] for row in beside["offset"]] != [row["value"] for row in beside["none"]]
    assert read_table(search / "corner-1.parquet", schema=EVALUATION).to_pylist() == beside["none"]
    impossible = corners(devices, tmp_path / "statistics", calibration="statistics")
    assert read_table(impossible[0], schema=EVALUATION).to_pylist() == beside["none"]


def test_the_choice_for_each_level_is_one_of_the_trials(devices, search):
    """With its record; a method without search has its specification, and of each level the best start."""
    chosen = json.loads((search / "bayesmulti/chosen.json").read_text(encoding="utf-8"))
    tried = [each["parameters"] for each in chosen["trials"]]
    assert len(tried) == 6
    panel = read_profiles(devices / "panel.parquet")
    for network, profile in zip(chosen["networks"], panel, strict=True):
        about = (network["name"], network["level"], network["profile"])
        assert about == (f"{profile.level:g}", profile.level, profile.profile)
        assert (network["usability"], network["fidelity"]) == (profile.usability, profile.fidelity)
        found, layers = {"initial_scale": network["initial_scale"]}, network["specification"]["layers"]
        if layers:
            assert all(each == layers[0] for each in layers)
            found |= {name: layers[0][name] for name in ("p_zero", "p_half")}
            found["site"] = network["specification"]["site"]
        assert found in tried
    erm = json.loads((search / "erm/chosen.json").read_text(encoding="utf-8"))
    assert len(erm["trials"]) == 2 and [network["name"] for network in erm["networks"]] == [*AIMS]
    for network in erm["networks"]:
        assert network["specification"] == {"method": "erm", "site": "none", "layers": []}
        best = max(
            erm["trials"],
            key=lambda trial: (
                trial["towards"][network["name"]]["objective"],
                trial["parameters"]["initial_scale"],
            ),
        )
        assert network["initial_scale"] == best["parameters"]["initial_scale"]


def test_a_trial_counts_for_each_level_and_for_the_panel(search):
    """Of the trial's own rows, by NumPy: means over programmings, and over the levels."""
    chosen = json.loads((search / "erm/chosen.json").read_text(encoding="utf-8"))
    rows = read_table(search / "corner-1.parquet", schema=EVALUATION).to_pylist()
    trial, means = chosen["trials"][0], []
    for aim in AIMS:
        values = [row["value"] for row in rows if f"{row['level']:g}" == aim]
        means.append(values)
        assert len(values) == 2
        assert trial["towards"][aim]["objective"] == pytest.approx(np.mean(values))
        error = np.std(values, ddof=1) / np.sqrt(2)
        assert trial["towards"][aim]["standard_error"] == pytest.approx(error)
    assert trial["objective"] == pytest.approx(np.mean(means))


def test_a_trial_that_diverges_is_an_answer(devices, search, tmp_path):
    """It is a table without rows that says why, and the search goes on from it."""
    own, tmp_path = search / "bayesmulti", tmp_path / "bayesmulti"
    tmp_path.mkdir()
    (tmp_path / "round-1.json").write_bytes((own / "round-1.json").read_bytes())
    wild = Experiment.make("two-moons", SAID | {"learning_rate": 1e30, "epochs": 20}, data=DATA)
    [failed] = trials(devices, tmp_path, round=1, slots=[2], experiment=wild)
    assert read_table(failed, schema=EVALUATION).num_rows == 0
    assert "the loss is" in read_metadata(failed)["failed"]
    good = [own / "round-1-slot-1.parquet", own / "round-2-slot-1.parquet"]
    assert len(proposal(tmp_path, [*good, failed], round=3)) == 2
    run(
        "choose_noise", trials=[*good, failed], chosen=tmp_path / "chosen.json", experiment=MOONS,
        method="bayesmulti", fixed=[0.3, 0.3], site="activation", search=SEARCH,
    )  # fmt: skip
    record = json.loads((tmp_path / "chosen.json").read_text(encoding="utf-8"))["trials"]
    nothing = {"objective": None, "standard_error": None}
    assert {name: record[2][name] for name in nothing} == nothing
    assert record[2]["towards"] == dict.fromkeys(AIMS, nothing)


def test_a_training_repeats_and_leaves_no_checkpoint(search, tmp_path):
    """The bytes of what trials have trained, where nothing is kept; a killed one's file goes too."""
    (tmp_path / "search").mkdir()
    (tmp_path / "search/chosen.json").write_bytes((search / "bayesmulti/chosen.json").read_bytes())
    made, before = tmp_path / "models", search / "models/bayesmulti/repeat-1"
    made.mkdir()
    (made / ".repeat-1.1.checkpoint.abcd_123.safetensors").write_bytes(b"half")
    train(tmp_path / "search", "bayesmulti", made)
    names = {"history.parquet", "spec.json", *(f"weights-{aim}.safetensors" for aim in AIMS)}
    assert {path.name for path in (made / "repeat-1").iterdir()} == names
    for name in names:
        assert (made / "repeat-1" / name).read_bytes() == (before / name).read_bytes()
    assert [path.name for path in made.iterdir()] == ["repeat-1"]
    history = read_table(before / "history.parquet", schema=HISTORY).to_pylist()
    parts = [("train", "learning_rate"), ("train", "loss")]
    parts += [("validation", "loss"), ("validation", "accuracy")]
    spec = json.loads((before / "spec.json").read_text(encoding="utf-8"))
    assert sorted((row["network"], row["epoch"], row["part"], row["quantity"]) for row in history) == sorted(
        (network, epoch, *each)
        for network in {each["network"] for each in spec["networks"]}
        for epoch in (1, 2, 3)
        for each in parts
    )
    for aim in AIMS:
        _, told = read_weights(before / f"weights-{aim}.safetensors")
        assert (told["method"], told["data"]["obtained"]) == ("bayesmulti", "generated")
        assert aim in [network["name"] for network in told["networks"]]


def test_a_stack_holds_levels_then_devices_in_one_order(search):
    """2 levels x 3 programmings; 3 devices x 2 kinds of noise x 3 programmings; chunks leave no trace."""
    rows = read_table(search / "erm.parquet", schema=EVALUATION).to_pylist()
    assert [row["stands_for"] for row in rows] == ["level"] * 6 + ["device"] * 18
    keys = [(row["noise"], row["profile"], row["programming"]) for row in rows[6:]]
    assert keys == sorted(keys) and {key[1] for key in keys} == {"a", "b", "c"}
    assert all(0 <= row["value"] <= 1 for row in rows)
    assert {row["repeat"] for row in rows} == {1} and {row["aim"] for row in rows} <= {*AIMS}
    assert read_metadata(search / "erm.parquet")["data"]["obtained"] == "generated"


def test_the_ideal_level_is_the_network_itself(search):
    """At usability 1 programming changes nothing: every programming scores the same."""
    rows = read_table(search / "erm.parquet", schema=EVALUATION).to_pylist()
    assert len({row["value"] for row in rows if row["profile"] == "synthetic-1.00"}) == 1


def test_what_else_is_on_memristors_has_a_table_of_its_own(devices, search, tmp_path):
    """Means by hand, of weights alone and of every parameter; a perfect device tells no difference."""
    paths = {"weights": [], "all": []}
    for method in ("erm", "bayesmulti"):
        for analog in paths:
            plan = plan_of(
                MOONS,
                stands_for="level",
                noises=["lognormal"],
                method=method,
                memsim=CONFIG["memsim"] | {"analog": analog},
                programmings=3,
                repeat=1,
            )
            run(
                "evaluate_network",
                spec=search / "models" / method / "repeat-1" / "spec.json",
                profiles=devices / "levels.parquet",
                evaluation=tmp_path / f"{method}-{analog}.parquet",
                experiment=MOONS,
                plan=plan,
            )
            paths[analog].append(tmp_path / f"{method}-{analog}.parquet")
    table = {"summary": tmp_path / "analog.parquet", "csv": tmp_path / "analog.csv"}
    run("summarise_beside", evaluations=paths, **table, confidence=0.95, resamples=100, seed=5)
    found = read_table(table["summary"], schema=ANALOG_SUMMARY).to_pylist()
    assert [(row["analog"], row["method"], row["level"]) for row in found] == [
        (analog, method, level) for analog in paths for method in ("erm", "bayesmulti") for level in (1, 0.5)
    ]
    for row in found:
        rows = read_table(
            tmp_path / f"{row['method']}-{row['analog']}.parquet", schema=EVALUATION
        ).to_pylist()
        values = [each["value"] for each in rows if each["level"] == row["level"]]
        assert row["mean"] == pytest.approx(np.mean(values)) and row["n"] == 3
    means = {(row["analog"], row["method"], row["level"]): row["mean"] for row in found}
    assert means["weights", "erm", 1] == means["all", "erm", 1]
    assert means["weights", "erm", 0.5] != means["all", "erm", 0.5]


def test_summary_and_correlation_are_numpys_of_the_rows(devices, search, tmp_path):
    """Means by hand; ERM differs from itself by 0; three devices are enough to correlate."""
    run(
        "summarise_evaluation",
        evaluations=[search / "erm.parquet", search / "bayesmulti.parquet"],
        summary=tmp_path / "s.parquet",
        csv=tmp_path / "s.csv",
        comparison=tmp_path / "v.parquet",
        comparison_csv=tmp_path / "v.csv",
        pairs=[["bayesmulti", "erm"]],
        confidence=0.95,
        resamples=100,
        seed=5,
    )
    summary = read_table(tmp_path / "s.parquet", schema=EVALUATION_SUMMARY).to_pylist()
    values = {}
    for method in ("erm", "bayesmulti"):
        for row in read_table(search / f"{method}.parquet", schema=EVALUATION).to_pylist():
            values.setdefault((method, row["stands_for"], row["noise"], row["profile"]), []).append(
                row["value"]
            )
    assert len(summary) == len(values) == 16
    for row in summary:
        group = (row["method"], row["stands_for"], row["noise"], row["profile"])
        mine, base = np.array(values[group]), np.array(values["erm", *group[1:]])
        assert (row["mean"], row["difference"]) == pytest.approx((mine.mean(), (mine - base).mean()))
    compared = read_table(tmp_path / "v.parquet", schema=COMPARISON).to_pylist()
    assert {(row["method"], row["compared_with"]) for row in compared} == {("bayesmulti", "erm")}
    names = ("stands_for", "noise", "profile")
    gains = {tuple(row[n] for n in names): row["difference"] for row in summary if row["method"] != "erm"}
    assert {tuple(row[n] for n in names): row["difference"] for row in compared} == pytest.approx(gains)
    run(
        "correlate_usability",
        usability=devices / "usability.parquet",
        summaries=[tmp_path / "s.parquet"],
        correlation=tmp_path / "c.csv",
        points=tmp_path / "p.csv",
        confidence=0.95,
        resamples=100,
        seed=5,
    )
    points = list(csv.DictReader((tmp_path / "p.csv").open(newline="", encoding="utf-8")))
    wanted = {
        (method, name): np.mean(values[method, "device", "resampled", name])
        for method in ("erm", "bayesmulti")
        for name in "abc"
    }
    assert {(row["method"], row["device"]): float(row["score"]) for row in points} == pytest.approx(wanted)
    assert (tmp_path / "c.csv").exists()


def details(devices, search, folder, method, levels):
    """What the task's own figures need of one network."""
    path = folder / f"{method}.parquet"
    plan = {"stands_for": "level", "memsim": CONFIG["memsim"], "noises": ["lognormal"], "programmings": 2}
    run(
        "detail_network",
        spec=search / f"models/{method}/repeat-1/spec.json",
        profiles=devices / "levels.parquet",
        details=path,
        experiment=MOONS,
        plan=plan_of(MOONS, method=method, **plan),
        levels=levels,
    )
    return path


def test_details_are_the_points_that_the_score_counts(devices, search, tmp_path):
    """A row a point, level and programming; decided as the evaluation's programmings decided them."""
    rows = read_rows(details(devices, search, tmp_path, "erm", [1.0, 0.5]))
    assert len(rows) == 2 * 2 * 30
    scores = {
        (row["profile"], row["programming"]): row["value"]
        for row in read_table(search / "erm.parquet", schema=EVALUATION).to_pylist()
    }
    for profile in ("synthetic-1.00", "synthetic-0.50"):
        for number in (0, 1):
            mine = [row for row in rows if (row["profile"], row["programming"]) == (profile, number)]
            right = np.mean([(row["probability"] > 0.5) == (row["target"] == 1) for row in mine])
            assert len(mine) == 30 and right == pytest.approx(scores[profile, number])
    assert {row["method"] for row in rows} == {"erm"}
    assert {(row["level"], row["usability"]) for row in rows} == {(1.0, 1.0), (0.5, 0.5)}
    (test,) = MOONS.examples("test")
    assert [[row["x"], row["y"]] for row in rows[:30]] == test.inputs.tolist()


def test_details_of_a_level_that_is_not_made_say_where_to_add_it(devices, search, tmp_path):
    """The task names levels, the configuration makes them."""
    with pytest.raises(
        ValueError, match=r"moons keeps details for usability \[0\.3\]: add it to profiles\.syn"
    ):
        details(devices, search, tmp_path, "erm", [1.0, 0.3])


def test_a_tasks_own_figure_is_drawn_from_its_details(devices, search, tmp_path):
    """Every figure that the task declares; the first programming, a panel a method and level."""
    paths = [details(devices, search, tmp_path, method, [1.0, 0.5]) for method in ("erm", "bayesmulti")]
    for figure in about_of("moons").figures:
        outputs = {kind: tmp_path / f"{figure}.{kind}" for kind in ("pdf", "png", "svg", "csv")}
        run(
            "draw_details",
            details=paths,
            levels=devices / "levels.parquet",
            module="codesign.tasks.moons.figures",
            figure=figure,
            experiment="two-moons",
            **outputs,
        )
        assert outputs["pdf"].read_bytes().startswith(b"%PDF-")
        assert outputs["png"].read_bytes().startswith(b"\x89PNG")
        drawn = list(csv.DictReader(outputs["csv"].open(newline="", encoding="utf-8")))
        assert len(drawn) == 2 * 2 * 30
        assert {(line["method"], float(line["level"]), line["programming"]) for line in drawn} == {
            (method, level, "0") for method in ("erm", "bayesmulti") for level in (1.0, 0.5)
        }
