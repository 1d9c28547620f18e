"""Tasks: what their data are, and that test data stay out of fitting."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codesign.tasks.about import about_of, task_names
from codesign.tasks.check import settings_of
from codesign.tasks.classification import AccuracyScorer, ClassificationTask, Labelled
from codesign.tasks.contract import DataSettings, loss_of
from codesign.tasks.digits.mnist import read_mnist
from codesign.tasks.digits.task import embedded_digits
from codesign.tasks.experiment import Experiment, ExperimentError
from codesign.tasks.moons.task import moons
from codesign.tasks.objects.cifar10 import read_cifar10
from codesign.tasks.registry import task_named
from codesign.tasks.remote import DataError

REPOSITORY = Path(__file__).resolve().parents[3]
MIRROR = Path(os.environ.get("CODESIGN_MIRROR", REPOSITORY.parent / "shared" / "data"))
needs_mnist = pytest.mark.skipif(not (MIRROR / "mnist").is_dir(), reason="MNIST is not on this machine")
needs_cifar10 = pytest.mark.skipif(
    not (MIRROR / "cifar10").is_dir(), reason="CIFAR-10 is not on this machine"
)


def chosen(source="embedded", *, fraction=0.1, seed=3, mirror=None, **options):
    return DataSettings(source, fraction, seed, options, mirror=mirror)


EMBEDDED = chosen()
MOONS = chosen("generated", fraction=0.2, train_size=100, test_size=60, noise=0.1)


def rows(tensor):
    return {row.tobytes() for row in tensor.reshape(len(tensor), -1).numpy()}


def test_embedded_digits_are_divided_once_and_for_all():
    """1797 digits, every fifth of its class a test digit; the parts share no image."""
    fit, test = embedded_digits("fit"), embedded_digits("test")
    assert len(fit[1]) + len(test[1]) == 1797 and len(test[1]) == 355
    counts = torch.bincount(fit[1]) + torch.bincount(test[1])
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert torch.bincount(test[1]).tolist() == [c // 5 for c in counts.tolist()]
    assert not rows(fit[0]) & rows(test[0])


def test_enlarged_digits_keep_their_mean_and_range():
    """Bilinear enlarging by 3.5 makes weighted means of pixels: no value leaves [0, 1]."""
    from sklearn.datasets import load_digits

    images, _, source = embedded_digits("test")
    assert images.shape[1:] == (1, 28, 28) and images.min() >= 0 and images.max() <= 1
    assert source.obtained == "embedded" and "enlarged" in source.variant
    original = load_digits().images / 16
    assert float(images.mean()) == pytest.approx(original.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("name", "settings"),
    [pytest.param("digits", EMBEDDED, id="digits"), pytest.param("moons", MOONS, id="moons")],
)
def test_parts_are_disjoint_and_normalised_with_the_training_statistics(name, settings):
    """Training inputs have mean 0 and deviation 1; no example is in two parts."""
    task = task_named(name)
    train, validation = task.examples(settings, "train", "validation")
    (test,) = task.examples(settings, "test")
    assert not rows(train.inputs) & rows(validation.inputs)
    assert not (rows(train.inputs) | rows(validation.inputs)) & rows(test.inputs)
    over = [axis for axis in range(train.inputs.ndim) if axis != 1]
    assert float(train.inputs.double().mean(dim=over).abs().max()) < 1e-5
    assert float((train.inputs.double().std(dim=over, correction=0) - 1).abs().max()) < 1e-5
    assert train.inputs.shape[1:] == test.inputs.shape[1:] == task.shape


def test_the_test_part_is_scaled_by_the_training_part():
    """Undoing the scaling with the training statistics gives the raw test images back."""
    (train,) = task_named("digits").examples(EMBEDDED, "train")
    black = float(train.inputs.min())  # raw 0
    scale = float(train.inputs.max()) - black  # raw 1
    (test,) = task_named("digits").examples(EMBEDDED, "test")
    torch.testing.assert_close((test.inputs - black) / scale, embedded_digits("test")[0], atol=1e-5, rtol=0)


def test_subsets_are_drawn_evenly_over_the_classes():
    """Training and test sizes are exact; classes differ by a rounding at most."""
    train, test = task_named("digits").examples(chosen(train_size=100, test_size=50), "train", "test")
    assert (len(train), len(test)) == (100, 50)
    for split in (train, test):
        counts = torch.bincount(split.targets)
        assert counts.max() - counts.min() <= 1


def test_moons_without_noise_lie_on_their_half_circles():
    """The upper on the unit circle, the lower on the one about (1, 1/2)."""
    points, labels, _ = moons("fit", 200, chosen("generated", seed=1, noise=0.0))
    centre = torch.stack([labels, 0.5 * labels], dim=1)
    torch.testing.assert_close((points - centre).norm(dim=1), torch.ones(200))
    assert torch.bincount(labels).tolist() == [100, 100]


def test_moons_of_another_part_or_seed_are_others():
    """Parts are drawn apart, and again the same."""
    other = replace(MOONS, seed=4)
    drawn = [
        moons("fit", 50, MOONS),
        moons("fit", 50, MOONS),
        moons("test", 50, MOONS),
        moons("fit", 50, other),
    ]
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert not rows(drawn[0][0]) & rows(drawn[2][0]) and not rows(drawn[0][0]) & rows(drawn[3][0])


def test_loading_leaves_the_global_generators_alone():
    """Every draw is from a generator of its own."""
    before = torch.get_rng_state()
    np_before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    for name, settings in (("digits", EMBEDDED), ("moons", MOONS)):
        task_named(name).examples(settings, "train", "validation", "test")
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.get_state()[1].tobytes() == np_before  # noqa: NPY002


@needs_mnist
def test_mnist_is_the_published_set():
    """Counts of each digit, the first labels, mean and deviation as everyone quotes them."""
    settings = chosen("mnist", mirror=MIRROR)
    images, labels, source = read_mnist("fit", settings)
    assert images.shape == (60_000, 1, 28, 28) and labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert torch.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert float(images.float().mean() / 255) == pytest.approx(0.1307, abs=5e-5)
    assert float(images.float().std() / 255) == pytest.approx(0.3081, abs=5e-5)
    assert (source.obtained, source.variant) == ("mirror", "")
    assert read_mnist("test", settings)[0].shape == (10_000, 1, 28, 28)


@needs_mnist
def test_fitting_needs_no_mnist_test_file(tmp_path):
    """In a mirror without the test files fitting data load and test data do not."""
    (tmp_path / "mnist").mkdir()
    for path in (MIRROR / "mnist").glob("train-*"):
        (tmp_path / "mnist" / path.name).symlink_to(path)
    settings = chosen("mnist", mirror=tmp_path, train_size=500)
    train, validation = task_named("digits").examples(settings, "train", "validation")
    assert (len(train), len(validation)) == (500, 6000)
    with pytest.raises(DataError, match="t10k"):
        task_named("digits").examples(settings, "test")


@needs_cifar10
def test_a_lossy_copy_of_cifar10_says_so():
    """Known shape and channel means (0.494, 0.485, 0.450 over the test images); variant in the source."""
    settings = chosen("cifar10", mirror=MIRROR)
    if (MIRROR / "cifar10" / "cifar-10-binary.tar.gz").exists():
        pytest.skip("the mirror holds the published archive")
    images, labels, source = read_cifar10("test", settings)
    assert (source.obtained, source.variant) == ("mirror", "jpeg re-encoding")
    assert images.shape == (10_000, 3, 32, 32) and torch.bincount(labels).tolist() == [1000] * 10
    means = images.float().mean(dim=(0, 2, 3)) / 255
    torch.testing.assert_close(means, torch.tensor([0.494, 0.485, 0.450]), atol=0.002, rtol=0)


SAID = {
    "digits": {"source": "embedded", "network": "mlp"},
    "moons": {"source": "generated", "network": "perceptron", "train_size": 20, "test_size": 9, "noise": 0.1},
    "objects": {"source": "cifar10", "network": "resnet18"},
}
"""What an experiment with each task says, as it is right."""


def experiment(task, **changes):
    said = {"task": task, "epochs": 1, "batch_size": 5, "learning_rate": 0.1, **SAID[task]} | changes
    return Experiment.make("e", said, data={"seed": 3, "validation_fraction": 0.1})


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        pytest.param("digits", {"source": "cifar10"}, "source of digits must be embedded or", id="digits"),
        pytest.param("objects", {"source": "embedded"}, "source of objects must be cifar10", id="objects"),
        pytest.param("moons", {"source": "mnist"}, "source of moons must be generated", id="moons-mnist"),
        pytest.param("digits", {"network": "resnet18"}, "network of digits must be mlp or", id="network"),
    ],
)
def test_data_and_networks_a_task_does_not_have_are_refused(name, changes, words):
    """Nothing stands in for something else."""
    with pytest.raises(ExperimentError, match=rf"e: {words}"):
        experiment(name, **changes)


@pytest.mark.parametrize("left_out", ["noise", "train_size"])
def test_moons_without_what_draws_them_are_refused(left_out):
    """They are generated; no number has a value nobody gave."""
    with pytest.raises(ValueError, match=f"generated examples need the option {left_out}"):
        experiment("moons", **{left_out: None}).examples("train", "validation")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"fraction": 0.0}, "validation_fraction", id="no-validation"),
        pytest.param({"fraction": 1.0}, "validation_fraction", id="no-training"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, words):
    """Each names the value."""
    with pytest.raises(ValueError, match=words):
        chosen(**changes)


def test_a_training_size_of_none_is_refused_where_it_is_drawn():
    """The configuration's schema says so first; a reader of the library learns it here."""
    with pytest.raises(ValueError, match="0 examples asked for"):
        task_named("digits").examples(chosen(train_size=0), "train")


@pytest.mark.parametrize(
    ("name", "network"),
    [(name, network) for name in task_names() for network in about_of(name).networks],
)
def test_every_network_of_a_task_fits_it(name, network):
    """It gives an output that has a loss; that of a classification is one logit a class."""
    if network in ("resnet101", "resnext"):
        pytest.skip("as resnet50, only larger")
    task, about = task_named(name), about_of(name)
    for package, how in about.missing_packages().items():
        pytest.skip(f"{package} is not installed: {how}")
    settings = settings_of(about, network=network, mirror=MIRROR if MIRROR.is_dir() else None)
    options = settings.options | ({"width": 0.25} if "width" in about.options else {})
    try:
        made = task.network(network, options, settings, torch.Generator().manual_seed(0))
    except DataError as missing:
        pytest.skip(f"{network} is made of parts that are not here: {missing}")
    made.module.eval()
    if isinstance(task, ClassificationTask):
        batch = Labelled(torch.zeros(1, *task.shape), torch.zeros(1, dtype=torch.int64))
        assert task.forward(made.module, batch).shape == (1, task.classes)
        return
    try:
        (examples,) = task.examples(settings, "validation")
    except DataError as missing:
        pytest.skip(str(missing))
    batch = task.batch(examples, torch.arange(1))
    assert torch.isfinite(loss_of(task, task.forward(made.module, batch), batch)[0]).all()


def test_a_gpu_takes_more_images_at_once(monkeypatch):
    """What is scored at once is a matter of speed and memory; on a processor caches are small."""
    sizes = []
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        network = task_named("objects").network(
            "resnet18", {"width": 0.125}, settings_of(about_of("objects")), None
        )
        sizes.append(network.examples_at_once)
    assert sizes == [100, 250]


def test_an_unknown_task_is_named_with_those_there_are():
    """For a misspelt name."""
    with pytest.raises(ValueError, match=r"unknown task 'digit'; known: .*digits"):
        task_named("digit")


def scored(*batches):
    scorer = AccuracyScorer()
    for logits, targets in batches:
        scorer.update(logits, Labelled(torch.zeros(len(targets), 1), targets))
    return scorer.compute()


def test_accuracy_is_the_share_of_right_answers():
    """By hand: two of three, in one batch or two; an answer that is no number is wrong."""
    logits, targets = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 1.0]]), torch.tensor([0, 1, 1])
    assert scored((logits, targets)) == {"accuracy": pytest.approx(2 / 3)}
    assert scored((logits[:2], targets[:2]), (logits[2:], targets[2:])) == scored((logits, targets))
    wild = torch.tensor([[torch.nan, 1.0], [torch.inf, 1.0], [2.0, 1.0]])
    assert scored((wild, torch.tensor([0, 0, 0]))) == {"accuracy": pytest.approx(1 / 3)}


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        pytest.param(torch.zeros(3, 2).int(), torch.zeros(3).long(), "floating point", id="integers"),
        pytest.param(torch.zeros(3, 2, 2), torch.zeros(3).long(), "floating point of shape", id="shape"),
        pytest.param(torch.zeros(3, 2), torch.zeros(2).long(), r"shape \(3,\)", id="too-few-targets"),
        pytest.param(torch.zeros(3, 2), torch.zeros(3), "int64", id="float-targets"),
        pytest.param(torch.zeros(0, 2), torch.zeros(0).long(), "at least one", id="empty"),
    ],
)
def test_tensors_that_are_no_examples_are_refused(inputs, targets, words):
    """Type, shape and number."""
    with pytest.raises(ValueError, match=words):
        Labelled(inputs, targets)
