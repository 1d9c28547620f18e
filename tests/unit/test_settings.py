"""Settings that the schema allows and that do not go together."""

from pathlib import Path

import pytest
import yaml

from codesign.models.build import HIDDEN
from codesign.settings import (
    GOES_WITH,
    ON_A_CROSSBAR,
    SettingsError,
    check_settings,
    check_tasks,
    read_schema,
)
from codesign.tasks.registry import TASKS

REPOSITORY = Path(__file__).parents[2]


def configuration() -> dict:
    return yaml.safe_load((REPOSITORY / "config.yaml").read_text())


def test_what_goes_with_a_task_is_what_the_task_says():
    assert {name: set(models) for name, (_, models) in GOES_WITH.items()} == {
        name: set(TASKS[name].models) for name in GOES_WITH
    }


@pytest.mark.parametrize("overlay", ["", "config.paper.yaml", "config.mnist.yaml", "config.cifar-small.yaml"])
def test_every_configuration_of_the_repository_is_allowed(overlay):
    settings = configuration()
    if overlay:
        for key, value in yaml.safe_load((REPOSITORY / overlay).read_text()).items():
            settings[key] = {**settings[key], **value}
    check_settings(settings, read_schema(REPOSITORY / "schemas/config.schema.yaml"), name=overlay)
    check_tasks(settings)


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("moons", {"model": "lenet5"}, r"tasks\.moons\.model: lenet5 .* use perceptron"),
        ("moons", {"noise": None}, r"tasks\.moons\.noise: missing"),
        (
            "digits-mlp",
            {"source": "cifar10"},
            r"tasks\.digits-mlp\.source: digits come from embedded or mnist",
        ),
        (
            "digits-lenet",
            {"epochs": 1},
            r"warmup_epochs: 1 leaves none of the 1 epochs of tasks\.digits-lenet",
        ),
    ],
)
def test_a_task_that_cannot_run_is_refused_before_anything_runs(task, change, message):
    settings = configuration()
    settings["training"]["warmup_epochs"] = 1
    settings["tasks"][task] |= change
    settings["tasks"][task] = {k: v for k, v in settings["tasks"][task].items() if v is not None}
    with pytest.raises(SettingsError, match=message):
        check_tasks(settings)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("moon", r"crossbar\.task: no task is called moon \(did you mean moons\?\); there are moons, "),
        ("digits-lenet", r"crossbar\.task: digits-lenet has the model lenet5; .* mlp or perceptron"),
    ],
)
def test_a_crossbar_without_a_task_that_it_can_hold_is_refused(task, message):
    settings = configuration()
    settings["crossbar"]["task"] = task
    with pytest.raises(SettingsError, match=message):
        check_tasks(settings)


def test_an_array_holds_the_fully_connected_networks():
    assert set(ON_A_CROSSBAR) == set(HIDDEN)


def test_noise_that_leaves_nothing_is_refused():
    settings = configuration()
    settings["training"]["fixed"] = [0.6, 0.5]
    with pytest.raises(SettingsError, match=r"training\.fixed: p1 \+ p2 = 1\.1; at most 0\.9"):
        check_tasks(settings)


def test_a_task_that_is_null_is_left_out_and_one_must_stay():
    settings = configuration()
    settings["tasks"]["moons"] = None
    check_tasks(settings)
    settings["tasks"] = dict.fromkeys(settings["tasks"])
    with pytest.raises(SettingsError, match="at least one must be left"):
        check_tasks(settings)
