"""Splits, normalisation and augmentation."""

import numpy as np
import pytest
import torch

from codesign.tasks.splits import crop_and_flip, divide, normalised, statistics, stratified


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


TARGETS = torch.tensor([0] * 50 + [1] * 30 + [2] * 20)


def test_a_stratified_choice_keeps_the_shares():
    """10 of 50, 30, 20 are 5, 3, 2; 7 of them are 3.5, 2.1, 1.4, rounded by largest remainder."""
    counts = [
        torch.bincount(TARGETS[stratified(TARGETS, n, generator=generator())]).tolist() for n in (10, 7)
    ]
    assert counts == [[5, 3, 2], [4, 2, 1]]


def test_training_and_validation_are_disjoint_and_complete():
    """Without a limit every example is in exactly one of them."""
    training, validation = divide(TARGETS, validation_fraction=0.2, train_size=None, generator=generator())
    assert sorted([*training.tolist(), *validation.tolist()]) == list(range(100))
    assert torch.bincount(TARGETS[validation]).tolist() == [10, 6, 4]


def test_validation_does_not_depend_on_the_training_size():
    """A learning curve is read on one validation set; the smaller training set is still disjoint."""
    whole = divide(TARGETS, validation_fraction=0.2, train_size=None, generator=generator())
    part = divide(TARGETS, validation_fraction=0.2, train_size=20, generator=generator())
    assert torch.equal(whole[1], part[1]) and len(part[0]) == 20
    assert set(part[0].tolist()) <= set(whole[0].tolist())


def test_the_split_follows_its_generator():
    """Equal seeds agree, other seeds do not."""
    first, again, other = (stratified(TARGETS, 40, generator=generator(s)) for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("size", [0, 101])
def test_more_examples_than_there_are_is_refused(size):
    """And so is none."""
    with pytest.raises(ValueError, match="100 there"):
        stratified(TARGETS, size, generator=generator())


def test_a_training_size_beyond_what_validation_leaves_is_refused():
    """The message says how many are left."""
    with pytest.raises(ValueError, match="81 is more than the 80"):
        divide(TARGETS, validation_fraction=0.2, train_size=81, generator=generator())


def test_statistics_of_bytes_are_those_of_numpy():
    """Counting values gives mean and standard deviation of each channel."""
    images = torch.randint(0, 256, (20, 3, 6, 6), generator=generator(), dtype=torch.uint8)
    mean, std = statistics(images)
    array = images.numpy().astype(float)
    np.testing.assert_allclose(mean.ravel(), array.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std.ravel(), array.std(axis=(0, 2, 3)), rtol=1e-6)


@pytest.mark.parametrize("scale", [1 / 255, 1.0])
def test_normalised_images_have_mean_zero_and_deviation_one(scale):
    """Whatever the unit was, and the original is left alone."""
    raw = torch.randint(0, 256, (20, 3, 6, 6), generator=generator(), dtype=torch.uint8)
    images = raw if scale == 1.0 else raw.float() * scale
    before = images.clone()
    found = normalised(images, statistics(images)).double()
    assert torch.equal(images, before)
    assert float(found.mean(dim=(0, 2, 3)).abs().max()) < 1e-6
    assert float((found.std(dim=(0, 2, 3), correction=0) - 1).abs().max()) < 1e-6


def test_a_constant_channel_is_refused():
    """It has no deviation to divide by."""
    with pytest.raises(ValueError, match="constant"):
        statistics(torch.zeros(5, 1, 2, 2, dtype=torch.uint8))


def test_augmented_images_are_windows_of_the_padded_original():
    """Every result is one of the (2 p + 1)^2 crops or its mirror image, found by brute force."""
    images = torch.randn(30, 2, 5, 5, generator=generator())
    found = crop_and_flip(images, padding=2, generator=generator(3))
    padded = torch.nn.functional.pad(images, [2, 2, 2, 2])
    seen = set()
    for image, result in zip(padded, found, strict=True):
        matches = [
            (y, x, flipped)
            for y in range(5)
            for x in range(5)
            for flipped in (False, True)
            for window in [image[:, y : y + 5, x : x + 5]]
            if torch.equal(window.flip(2) if flipped else window, result)
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert {m[2] for m in seen} == {False, True} and len(seen) > 15


def test_augmentation_without_padding_only_mirrors_half_of_the_images():
    """The share of mirrored images lies within four standard errors of 1/2."""
    images = torch.arange(4.0).expand(2000, 1, 4, 4).contiguous()
    mirrored = (crop_and_flip(images, padding=0, generator=generator())[:, 0, 0, 0] == 3).double()
    assert float(mirrored.mean()) == pytest.approx(0.5, abs=4 * 0.5 / 2000**0.5)


def test_augmentation_draws_from_its_generator_alone():
    """Equal seeds agree and the global generator is left alone."""
    images = torch.randn(8, 1, 5, 5, generator=generator())
    before = torch.get_rng_state()
    first, again = (crop_and_flip(images, padding=4, generator=generator(1)) for _ in range(2))
    assert torch.equal(first, again) and torch.equal(torch.get_rng_state(), before)
