"""Settings that the schema allows and that do not go together; words of older versions."""

import copy
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from codesign import configuration as module
from codesign.configuration import (
    RENAMED,
    SHARED,
    check_experiments,
    configuration_schema,
    experiments,
    refuse_old_words,
    scales,
    shared_training,
    trial_training,
)
from codesign.models.build import HIDDEN, MODELS
from codesign.settings import SettingsError, check_settings, check_yaml
from codesign.tasks.about import About, about_of, task_names

REPOSITORY = Path(__file__).parents[2]
SCHEMA = configuration_schema(REPOSITORY / "schemas/config.schema.yaml")
CONFIGURATION = yaml.safe_load((REPOSITORY / "config.yaml").read_text())


def configuration() -> dict:
    return copy.deepcopy(CONFIGURATION)


def put(settings: dict, place: str, value) -> dict:
    """The settings with a value at a place such as `search.rounds`; None where it is to be left out."""
    *above, last = place.split(".")
    holder = settings
    for key in above:
        holder = holder[key]
    holder[last] = value
    return settings


@pytest.mark.parametrize("overlay", ["", *sorted(path.name for path in REPOSITORY.glob("config.*.yaml"))])
def test_every_configuration_of_the_repository_is_allowed(overlay):
    """On top of those that the command in its head names; and none of them has a word of an older version."""
    settings = configuration()
    if overlay:
        command = re.search(
            r"--configfile config\.yaml((?: config\.[\w-]+\.yaml)*)", (REPOSITORY / overlay).read_text()
        )
        stacked = command[1].split()
        for name in stacked[: stacked.index(overlay) + 1] if overlay in stacked else [overlay]:
            for key, value in yaml.safe_load((REPOSITORY / name).read_text()).items():
                settings[key] = {**settings[key], **value}
    refuse_old_words(settings)
    check_settings(settings, SCHEMA, name=overlay)
    missing = {}
    for said in experiments(settings).values():
        missing |= about_of(said["task"]).missing_packages()
    if missing:  # an extra that is not installed: that, with its command, is all there is to say
        with pytest.raises(SettingsError) as caught:
            check_experiments(settings)
        said = str(caught.value).splitlines()[1:]
        assert all(
            f"which is not installed; {missing[line.split('package ')[1].split(',')[0]]}" in line
            for line in said
        )
    else:
        check_experiments(settings)


@pytest.mark.parametrize(
    ("experiment", "change", "message"),
    [
        pytest.param(
            "moons",
            {"network": "lenet5"},
            r'moons\.network: found "lenet5"; allowed: perceptron \(network for two moons\)',
            id="network",
        ),
        pytest.param("moons", {"noise": None}, r"moons\.noise: missing", id="needed-option"),
        pytest.param(
            "digits-mlp",
            {"source": "cifar10"},
            r'digits-mlp\.source: found "cifar10"; allowed: embedded, mnist',
            id="source",
        ),
        pytest.param(
            "digits-mlp",
            {"noise": 0.2},
            r"digits-mlp\.noise: unknown key.*; allowed here: ",
            id="another-tasks",
        ),
        pytest.param(
            "digits-mlp", {"augmentation": "none"}, r"digits-mlp\.augmentation: unknown key", id="of-objects"
        ),
        pytest.param(
            "digits-mlp",
            {"width": 0},
            r"digits-mlp\.width: found 0; must be greater than 0",
            id="shared-option",
        ),
        pytest.param("moons", {"scale": "full"}, r'moons\.scale: found "full"; allowed: small', id="scale"),
        pytest.param("moons", {"task": "moon"}, r'moons\.task: found "moon"; allowed: .*moons', id="task"),
        pytest.param("moons", {"task": None}, r"moons\.task: missing", id="no-task"),
        pytest.param(
            "moons", {"task": "mons"}, r"moons\.task: found .*\(did you mean moons\?\)", id="misspelt-task"
        ),
        pytest.param(
            "digits-mlp",
            {"network": "lenet"},
            r"digits-mlp\.network: found .*\(did you mean lenet5\?\)",
            id="misspelt-network",
        ),
        pytest.param(
            "moons", {"epoch": 3}, r"moons\.epoch: unknown key \(did you mean epochs\?\)", id="misspelt"
        ),
    ],
)
def test_an_experiment_says_what_its_task_allows_and_nothing_else(experiment, change, message):
    """An option of one task given to another is an unknown key, not silently ignored."""
    settings = configuration()
    said = settings["experiments"][experiment] | change
    settings["experiments"][experiment] = {key: value for key, value in said.items() if value is not None}
    with pytest.raises(SettingsError, match=r"experiments\." + message):
        check_settings(settings, SCHEMA, name="the configuration")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        pytest.param(
            "training.methods",
            ["erm", "bayesmulty"],
            r'training\.methods\.1: found "bayesmulty"; allowed: .*\(did you mean bayesmulti\?\)',
            id="misspelt-method",
        ),
        pytest.param(
            "experiments.My_Moons",
            CONFIGURATION["experiments"]["moons"],
            r"experiments\.My_Moons: not a name here \(small letters, digits and hyphens",
            id="name-of-an-experiment",
        ),
        pytest.param(
            "search.limits.erm",
            0.5,
            r"search\.limits\.erm: found 0\.5; must be left out \(erm is not searched",
            id="limit-of-a-method-that-is-not-searched",
        ),
        pytest.param(
            "search.limits.dropuot",
            0.5,
            r"limits\.dropuot: unknown key \(did you mean dropout\?\); allowed here: bayesmulti, dropout",
            id="misspelt-limit",
        ),
        pytest.param(
            "search.given.bayesmulti",
            [{"site": "wieght", "p_zero": 0.1, "p_half": 0.1}],
            r'search\.given\.bayesmulti\.0\.site: found "wieght"; allowed: activation, weight',
            id="site-of-a-listed-trial",
        ),
        pytest.param(
            "search.given.bayesmulti",
            [{"site": "weight", "p_zero": 0.1}],
            r"search\.given\.bayesmulti\.0.*p_half",
            id="listed-trial-without-a-parameter",
        ),
        pytest.param(
            "search.given.erm",
            [{"site": "weight"}],
            r"search\.given\.erm: unknown key",
            id="trials-of-a-method-that-is-not-searched",
        ),
        pytest.param(
            "evaluation.device_calibrations",
            ["offset"],
            r"evaluation\.device_calibrations: .*must contain none",
            id="devices-calibrated-alone",
        ),
        pytest.param(
            "evaluation.device_methods",
            ["bayesmulti"],
            r"evaluation\.device_methods: .*must contain erm",
            id="devices-without-erm",
        ),
        pytest.param(
            "evaluation.device_methods",
            ["erm", "bayesmulty"],
            r'evaluation\.device_methods\.1: found "bayesmulty"; allowed: .*did you mean bayesmulti',
            id="misspelt-method-on-devices",
        ),
        pytest.param(
            "evaluation.analog_beside",
            ["biases"],
            r'evaluation\.analog_beside\.0: found "biases"; allowed: weights, all, differential',
            id="analog-that-is-not-there",
        ),
        pytest.param(
            "crossbar.calibrations",
            ["offset"],
            r"crossbar\.calibrations: .*must contain none",
            id="crossbar-calibrated-alone",
        ),
        pytest.param(
            "crossbar.calibrations",
            ["none", "scale"],
            r'crossbar\.calibrations\.1: found "scale"; allowed: none, offset',
            id="calibration-that-an-array-has-not",
        ),
        pytest.param("crossbar.calibration_examples", 1, r"crossbar\.calibration_examples", id="one-example"),
    ],
)
def test_a_word_that_is_not_there_is_told_in_words(place, value, message):
    """The nearest one, or why it cannot be there."""
    with pytest.raises(SettingsError, match=message):
        check_settings(put(configuration(), place, value), SCHEMA, name="the configuration")


def test_a_problem_names_the_file_that_says_it(tmp_path):
    """The one on top where several do; none where the value came from elsewhere, as from the command line."""
    base, overlay = tmp_path / "config.yaml", tmp_path / "mine.yaml"
    base.write_text("seed: 1\ntraining: {methods: [erm, droput], patienze: 3}\n", encoding="utf-8")
    overlay.write_text("training: {site: weigth}\nexperiments: {moons: {epochs: 0}, A: null}\n")
    settings = put(put(configuration(), "training.methods", ["erm", "droput"]), "training.patienze", 3)
    put(put(settings, "training.site", "weigth"), "experiments.moons.epochs", 0)
    put(put(settings, "experiments.A", None), "seed", -1)
    with pytest.raises(SettingsError) as caught:
        check_settings(settings, SCHEMA, name="the configuration", files=[base, overlay])
    named = {}
    for line in str(caught.value).splitlines()[1:]:
        file = next((path for path in (base, overlay) if line.endswith(f" [{path}]")), None)
        named[line.strip().partition(":")[0]] = file
    assert named == {
        "experiments.A": overlay,
        "experiments.moons.epochs": overlay,
        "seed": None,
        "training.methods.1": base,
        "training.patienze": base,
        "training.site": overlay,
    }
    with pytest.raises(SettingsError) as caught:
        check_settings(settings, SCHEMA, name="the configuration", files=[base])
    assert "[" + str(base) not in str(caught.value), "with one file there is nothing to tell apart"


def test_the_files_of_a_task_are_looked_at_before_anything_runs(monkeypatch):
    """Of tasks that an experiment has; their methods shown must be methods."""
    monkeypatch.setattr(module, "source_problems", lambda about: [f"{about.name}/task.py: there is no TASK"])

    def about(name):
        shown = {"levels": [1.0], "programmings": 1, "methods": ["bayesmulty"]}
        return replace(about_of(name), details=shown if name == "moons" else None)

    monkeypatch.setattr(module, "about_of", about)
    with pytest.raises(SettingsError) as caught:
        check_experiments(configuration())
    [moons, method, digits] = str(caught.value).splitlines()[1:]
    assert (moons, digits) == ("  moons/task.py: there is no TASK", "  digits/task.py: there is no TASK")
    assert "no method is called bayesmulty (did you mean bayesmulti?)" in method


def test_what_is_on_memristors_anyway_is_not_beside():
    """The table beside has it already; something else may be there."""
    check_experiments(put(configuration(), "evaluation.analog_beside", ["all"]))
    with pytest.raises(SettingsError, match=r"analog_beside: weights is what memsim\.analog says already"):
        check_experiments(put(configuration(), "evaluation.analog_beside", ["all", "weights"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({}, None, id="right"),
        pytest.param(
            {"grid": None}, r"pictures\.grid: missing; the network smollm2 needs it \(places", id="missing"
        ),
        pytest.param(
            {"language": "a/b"},
            r"pictures\.language: the network smollm2 has no use for it, minigpt4 has; leave it out",
            id="of-another-network",
        ),
        pytest.param(
            {"network": "minigpt4"},
            r"pictures\.encoder: missing; the network minigpt4 needs it \(BLIP-2 model",
            id="another-network",
        ),
    ],
)
def test_an_experiment_gives_the_options_of_its_network_and_no_others(change, message, monkeypatch):
    """An option that nothing reads would look as if it did something."""
    monkeypatch.setattr(About, "missing_packages", lambda about: {})
    said = {
        "task": "vision_language", "source": "scenes", "network": "smollm2", "epochs": 5, "batch_size": 2,
        "learning_rate": 0.1, "train_size": 4, "test_size": 4, "pixels": 64, "grid": 1,
    }  # fmt: skip
    said = {key: value for key, value in (said | change).items() if value is not None}
    settings = put(configuration(), "experiments.pictures", said)
    check_settings(settings, SCHEMA, name="")
    if message is None:
        check_experiments(settings)
        return
    with pytest.raises(SettingsError, match=message):
        check_experiments(settings)


def test_a_method_without_a_network_is_not_evaluated_on_devices():
    """Those that are trained may be named; another one has nothing to program, and a misspelt one neither."""
    few = put(configuration(), "training.methods", ["erm", "bayesmulti"])
    check_experiments(put(few, "evaluation.device_methods", ["erm", "bayesmulti"]))
    said = (
        r"device_methods: dropout is not among training\.methods \(erm, bayesmulti\), so there is no network"
    )
    with pytest.raises(SettingsError, match=said):
        check_experiments(put(few, "evaluation.device_methods", ["erm", "dropout"]))


def test_noise_is_chosen_for_a_calibration_that_is_evaluated():
    """Else networks are chosen for what no table shows."""
    settings = put(configuration(), "search.calibration", "offset")
    check_experiments(put(settings, "evaluation.calibrations", ["none", "offset"]))
    said = r"search\.calibration: offset is not among evaluation\.calibrations \(none, statistics\)"
    with pytest.raises(SettingsError, match=said):
        check_experiments(put(settings, "evaluation.calibrations", ["none", "statistics"]))


def test_warming_up_for_the_whole_training_is_refused():
    """No epoch would have the learning rate asked for."""
    settings = put(put(configuration(), "training.warmup_epochs", 1), "experiments.digits-lenet.epochs", 1)
    message = r"warmup_epochs: 1 leaves none of the 1 epochs of experiments\.digits-lenet"
    with pytest.raises(SettingsError, match=message):
        check_experiments(settings)


def test_warming_up_for_all_that_follows_on_erm_is_refused():
    """A training that goes on from ERM has the share `further` of the epochs alone: here 2 of 4."""
    settings = put(put(configuration(), "training.warmup_epochs", 2), "experiments.digits-lenet.epochs", 4)
    check_experiments(settings)
    message = r"2 leaves none of the 2 epochs of experiments\.digits-lenet \(training\.further of them\)"
    with pytest.raises(SettingsError, match=message):
        check_experiments(put(settings, "training.start", "erm"))


def test_warming_up_for_a_whole_trial_is_refused():
    """A trial may have a part of the epochs: here 2 of 8, and with `start: erm` 1 of them."""
    settings = put(put(configuration(), "training.warmup_epochs", 2), "experiments.digits-lenet.epochs", 8)
    check_experiments(settings)
    settings = put(settings, "search.epochs", 0.25)
    message = r"2 leaves none of the 2 epochs of experiments\.digits-lenet \(search\.epochs of them\)"
    with pytest.raises(SettingsError, match=message):
        check_experiments(settings)
    check_experiments(put(put(settings, "training.warmup_epochs", 1), "training.start", "scratch"))
    both = put(put(settings, "training.warmup_epochs", 1), "training.start", "erm")
    with pytest.raises(SettingsError, match=r"1 epochs of .*training\.further times search\.epochs of them"):
        check_experiments(both)


def test_a_whole_trial_says_what_a_training_says():
    """Then its network is the one trained later; a part of it, or another patience, makes another."""
    settings = configuration()
    assert trial_training(settings) == shared_training(settings)
    shorter = trial_training(put(put(settings, "search.epochs", 0.25), "search.patience", 2))
    assert shorter == shared_training(settings) | {"share": 0.25, "patience": 2}


def test_a_crossbar_needs_a_device_in_the_panel():
    """Its cells follow one, and the ideal device has no conductance; without a crossbar nothing needs one."""
    settings = put(configuration(), "profiles.panel", [1.0])
    with pytest.raises(SettingsError, match=r"profiles\.panel: level 1 alone .* experiments\.moons: null"):
        check_experiments(settings)
    check_experiments(put(settings, "experiments.moons", None))


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        pytest.param(
            "moon",
            r"crossbar\.experiment: no experiment is called moon \(did you mean moons\?\); there are moons, ",
            id="misspelt",
        ),
        pytest.param(
            "digits-lenet",
            r"crossbar\.experiment: digits-lenet has the network lenet5; .* linear layers alone, mlp",
            id="convolutions",
        ),
    ],
)
def test_a_crossbar_without_an_experiment_that_it_can_hold_is_refused(experiment, message):
    """Before a network is trained for it."""
    with pytest.raises(SettingsError, match=message):
        check_experiments(put(configuration(), "crossbar.experiment", experiment))


def test_an_array_holds_the_fully_connected_networks():
    """Of the networks that tasks share, those declared fit for it are those built of linear layers alone."""
    declared = {
        name
        for task in task_names()
        for name, traits in about_of(task).networks.items()
        if traits.get("crossbar")
    }
    assert declared & set(MODELS) == set(HIDDEN)


def test_noise_that_leaves_nothing_is_refused():
    """Beyond a sum of 0.9 hardly a value survives."""
    with pytest.raises(SettingsError, match=r"training\.fixed: p1 \+ p2 = 1\.1; at most 0\.9"):
        check_experiments(put(configuration(), "training.fixed", [0.6, 0.5]))


def test_an_experiment_that_is_null_is_left_out_and_one_must_stay():
    """An overlay drops one of config.yaml so; the crossbar's goes with it."""
    settings = put(configuration(), "experiments.moons", None)
    check_experiments(settings)
    assert list(experiments(settings)) == list(scales(settings)) == ["digits-mlp", "digits-lenet"]
    settings["experiments"] = dict.fromkeys(settings["experiments"])
    with pytest.raises(SettingsError, match="at least one must be left"):
        check_experiments(settings)


def test_a_package_that_a_task_needs_is_asked_for_before_anything_runs(monkeypatch):
    """The message holds the command; a package that is there is not mentioned."""
    needs = {"yaml": "envs/requirements-there.txt", "no_such_package": "envs/requirements-digits.txt"}

    def about(name):
        return replace(about_of(name), requirements=needs if name == "digits" else {})

    monkeypatch.setattr(module, "about_of", about)
    with pytest.raises(SettingsError) as caught:
        check_experiments(configuration())
    problem = "digits needs the package no_such_package, which is not installed; "
    problem += "python -m pip install -c envs/constraints.txt -r envs/requirements-digits.txt"
    assert str(caught.value).splitlines()[1:] == [
        f"  experiments.{name}.task: {problem}" for name in ("digits-mlp", "digits-lenet")
    ]


def test_levels_that_a_tasks_own_figures_show_must_be_made():
    """Told before a network is trained; a task without such figures needs no level."""
    settings = put(configuration(), "profiles.synthetic", [1.0, 0.4])
    with pytest.raises(SettingsError) as caught:
        check_experiments(settings)
    assert str(caught.value).splitlines()[1:] == [
        f"  profiles.synthetic: {level} is missing; figures of experiments.moons show this usability level"
        for level in (0.5, 0.3)
    ]
    check_experiments(put(settings, "experiments.moons", None))


def test_listed_trials_are_as_many_as_the_search_makes_and_start_as_trainings_may():
    settings = configuration()
    settings["search"] |= {"rounds": 1, "slots": 2}
    trial = {"site": "weight", "p_zero": 0.1, "p_half": 0.1}
    settings["search"]["given"] = {"bayesmulti": [trial, trial | {"initial_scale": 0.4}]}
    settings["training"]["initial_scale"] = [1.0, 0.4]
    check_settings(settings, SCHEMA, name="the configuration")
    check_experiments(settings)
    settings["training"]["initial_scale"] = [1.0]
    with pytest.raises(
        SettingsError, match=r"bayesmulti\[1\]\.initial_scale: 0\.4 is not in training\.init.* \(1\)"
    ):
        check_experiments(settings)
    settings["search"]["slots"] = 3
    with pytest.raises(SettingsError, match=r"search\.given\.bayesmulti: 2 trial\(s\), but .* makes 3"):
        check_experiments(settings)


def test_a_searched_method_without_a_limit_is_refused():
    """The message says what the limit is of; a method without search needs none."""
    settings = configuration()
    del settings["search"]["limits"]["gaussian"]
    check_settings(settings, SCHEMA, name="the configuration")
    with pytest.raises(
        SettingsError, match=r"search\.limits\.gaussian: missing; .* search of gaussian may go \("
    ):
        check_experiments(settings)
    settings["training"]["methods"].remove("gaussian")
    check_experiments(settings)


def test_scale_says_how_jobs_run_and_is_no_part_of_an_experiment():
    """What an experiment computes does not depend on the memory it is given."""
    settings = put(configuration(), "experiments.digits-mlp.scale", "full")
    assert experiments(settings) == experiments(configuration())
    found = scales(settings)
    assert (found["digits-mlp"].gpus, found["digits-lenet"].gpus) == (1, 0)
    assert found["digits-lenet"] == about_of("digits").scales["small"], "the first where none is named"


def test_what_every_training_shares_is_what_the_configuration_says():
    """No key is missed, none is made up; where nothing goes on from ERM, for how long is no setting."""
    settings = put(configuration(), "training.start", "erm")
    assert shared_training(settings) == {name: settings["training"][name] for name in SHARED}
    assert settings["training"]["further"] == CONFIGURATION["training"]["further"] != 0.3
    for further in (0.3, 0.5):
        scratch = shared_training(put(configuration(), "training.further", further))
        assert scratch == shared_training(CONFIGURATION)
        assert scratch == {name: CONFIGURATION["training"][name] for name in SHARED} | {"further": None}


OLD = [
    ("tasks", {}, r"tasks: this key is now called experiments"),
    ("experiments.moons.model", "perceptron", r"experiments\.moons\.model: this key is now called network"),
    (
        "experiments.digits-mlp.gpu",
        True,
        r"digits-mlp\.gpu: this key is now called scale, e\.g\. scale: full",
    ),
    ("crossbar.task", "moons", r"crossbar\.task: this key is now called experiment"),
    ("crossbar.usability", 0.6, r"crossbar\.usability: this key is now called level"),
    ("measurements.source", "auto", r"measurements\.source: this key is now called origin"),
    ("search.draws", 3, r"search\.draws: this key is now called programmings"),
    ("evaluation.seeds", 10, r"evaluation\.seeds: this key is now called programmings"),
    ("training.select", "accuracy", r"training\.select: accuracy is now called metric"),
    ("experiments.moons.source", "embedded", r"experiments\.moons\.source: embedded is now called generated"),
]


@pytest.mark.parametrize(("place", "value", "message"), [pytest.param(*case, id=case[0]) for case in OLD])
def test_a_word_of_an_older_version_is_refused_with_todays(place, value, message):
    """Before the schema says only that a key is unknown."""
    with pytest.raises(SettingsError, match=message):
        refuse_old_words(put(configuration(), place, value))


def test_every_renamed_word_is_in_the_table_above():
    """A new one needs a case."""
    assert len(OLD) == len(RENAMED)


def test_several_old_words_are_told_at_once():
    """A person mends a file once."""
    settings = put(put(configuration(), "search.draws", 3), "training.select", "accuracy")
    with pytest.raises(SettingsError, match=r"has 2 word\(s\) of an older version:\n  .*\n  "):
        refuse_old_words(settings)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param("training.select", "loss", id="value-that-stayed"),
        pytest.param("experiments.digits-mlp.source", "embedded", id="digits-are-embedded"),
        pytest.param("experiments.moons", None, id="left-out"),
        pytest.param("experiments", None, id="no-mapping"),
        pytest.param("certificates.draws", 10, id="draws-elsewhere"),
    ],
)
def test_todays_words_pass(place, value):
    """A word may be old in one place and right in another."""
    refuse_old_words(put(configuration(), place, value))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        pytest.param(
            "search.rounds", 2.0, r"rounds: found 2\.0; must be a whole number, written without a point: 2",
            id="a-point",
        ),
        pytest.param("extraction.confidence", float("nan"), r"found NaN; must be a finite number", id="nan"),
        pytest.param(
            "crossbar.read_voltage_v", float("inf"), r"found Infinity; must be a finite number", id="infinity"
        ),
        pytest.param("bench.run", "a\n", r"bench\.run: found \"a\\n\"", id="a-line-break-at-the-end"),
        pytest.param("search.rounds", True, r"search\.rounds: found true; must be of type", id="true"),
    ],
)  # fmt: skip
def test_what_json_schema_lets_pass_is_refused(place, value, message):
    """2.0 is a whole number to it, no number is infinite to YAML alone, and `$` ends before a line break."""
    with pytest.raises(SettingsError, match=message):
        check_settings(put(configuration(), place, value), SCHEMA, name="config.yaml")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            "crossbar.read_voltage_v",
            0.4,
            r"crossbar\.read_voltage_v: 0\.4 is beyond crossbar\.limits\.read_v",
        ),
        ("crossbar.write.reset_voltage_v", -2.5, r"reset_voltage_v: 2\.5 is beyond .*pulse_voltage_v \(2\)"),
        ("crossbar.write.set_voltage_v", 2.5, r"set_voltage_v: 2\.5 is beyond"),
        ("crossbar.write.pulse_seconds", 0.1, r"pulse_seconds: 0\.1 is beyond"),
        ("crossbar.write.shortest_seconds", 0.005, r"shortest_seconds: 0\.005 is longer than pulse_seconds"),
        (
            "crossbar.conductance",
            {"g_min_s": 2e-5, "g_max_s": 1e-5},
            r"g_min_s \(2e-05\) is not below g_max_s",
        ),
    ],
)
def test_a_crossbar_asked_for_more_than_its_limits_is_refused_at_the_start(place, value, message):
    """And not after the trainings, by the driver."""
    with pytest.raises(SettingsError, match=message):
        check_experiments(put(configuration(), place, value))


def test_a_key_that_stands_twice_is_refused_with_its_file(tmp_path):
    """Whoever merged the files kept the last of them without a word."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("seed: 1\n")
    bad.write_text("seed: 1\nseed: 2\n")
    check_yaml([good])
    with pytest.raises(SettingsError, match=r"bad\.yaml: 'seed' stands twice, in lines 1 and 2"):
        check_yaml([good, bad])
