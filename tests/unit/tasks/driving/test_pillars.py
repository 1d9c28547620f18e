"""Pillars and the network: parameters part by part, points in any number and order, scenes in any batch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from codesign.bayesmulti.injection import Injection
from codesign.bayesmulti.noise import NoiseSpec
from codesign.bayesmulti.noises.multinomial import MultinomialNoise
from codesign.evaluation.calibration import calibration
from codesign.models.normalisation import normalisations, taking_statistics
from codesign.nonideality.levels import Trend, synthetic_profiles
from codesign.tasks.driving.network import Output, PointPillars, pointpillars
from codesign.tasks.driving.scanner import scenes_of
from codesign.tasks.driving.scenes import Area, Scenes, collated, pillars_of, with_pillars
from codesign.tasks.driving.task import TASK

PUBLISHED = Area(69.12, 39.68, 0.16, 2)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_published_network_has_the_published_parameters():
    """4,834,888, part by part."""
    network = PointPillars(PUBLISHED, width=1, layers=(3, 5, 5))
    assert count(network.pillars) == 640 + 128
    assert [count(block) for block in network.blocks] == [147_968, 812_544, 3_247_104]
    assert [count(up) for up in network.ups] == [8_448, 65_792, 524_544]
    heads = network.heads
    assert [count(head) for head in (heads.score, heads.box, heads.direction)] == [6_930, 16_170, 4_620]
    assert count(network) == 4_834_888
    norm = network.blocks[0][1]
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)


def test_a_quarter_of_the_width_has_the_parameters_of_the_small_network():
    """213,800 with a layer of stride 2 and 2, 3 and 3 more."""
    area = Area(40.96, 20.48, 0.32, 2)
    assert count(PointPillars(area, width=0.25, layers=(2, 3, 3))) == 213_800


def test_other_numbers_of_blocks_are_refused():
    """There are three."""
    with pytest.raises(ValueError, match=r"layers must be 3 numbers, one a block, got \[3, 5\]"):
        PointPillars(PUBLISHED, width=1, layers=(3, 5))


def some(area, number=3, seed=9):
    return replace(Scenes.of(scenes_of(seed, "pillars", number)), area=area)


def test_pillars_are_those_of_a_loop(area):
    """Every point of a scene: its pillar, its place against the pillar's mean and centre."""
    batch = some(area).chosen(torch.tensor([1]))
    found = pillars_of(batch.points, batch.owners, area, 1)
    piles = {}
    for point in batch.points.double().numpy():
        column, row = math.floor(point[0] / 0.25), math.floor((point[1] + 20) / 0.25)
        if 0 <= column < 160 and 0 <= row < 160 and -3 <= point[2] < 1:
            piles.setdefault(row * 160 + column, []).append(point)
    assert found.cells.tolist() == sorted(piles)
    assert len(found.features) == sum(len(pile) for pile in piles.values())
    for number, cell in enumerate(found.cells.tolist()):
        pile = np.array(piles[cell])
        centre = [(cell % 160 + 0.5) * 0.25, (cell // 160 + 0.5) * 0.25 - 20, -1.0]
        expected = np.column_stack([pile, pile[:, :3] - pile[:, :3].mean(axis=0), pile[:, :3] - centre])
        expected /= [40, 20, 1, 0.5, 0.125, 0.125, 0.5, 0.125, 0.125, 1]
        np.testing.assert_allclose(found.features[found.places == number], expected, atol=1e-3)


def untrained(area, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = pointpillars(area, width=0.25, layers=(1, 1, 1), generator=generator, examples_at_once=4)
    made.module.eval()
    with torch.no_grad():  # so that the maximum over a pillar is not of zeros alone
        made.module.heads.box.weight.mul_(100)
    return made


@pytest.mark.parametrize("stride", [1, 2])
def test_an_answer_does_not_depend_on_the_batch(area, stride):
    """Alone and among others, with pillars made before and on the way, from points in another order."""
    area = replace(area, stride=stride)
    scenes, network = some(area), untrained(area).module
    with torch.no_grad():
        together = network(scenes.chosen(torch.arange(3)))
        assert together.scores.shape == (3, (160 // stride) ** 2 * 6, 3)
        batch = scenes.chosen(torch.tensor([2]))
        alone = network(batch)
        late = network(replace(batch, pillars=None))
        order = torch.randperm(len(batch.points), generator=torch.Generator().manual_seed(1))
        mixed = network(replace(batch, points=batch.points[order], owners=batch.owners[order], pillars=None))
    for one, two, three, four in zip(together, alone, late, mixed, strict=True):
        torch.testing.assert_close(one[2:], two, atol=1e-4, rtol=1e-4)
        assert torch.equal(two, three)
        torch.testing.assert_close(two, four, atol=1e-4, rtol=1e-4)


def test_scenes_put_together_are_scenes_chosen_together(area):
    """Item by item and at once, with the pillars of both."""
    scenes = some(area)
    one, two = collated([scenes[2], scenes[0]]), scenes.chosen(torch.tensor([2, 0]))
    for name, value in vars(two).items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(getattr(one, name), value), name
    assert torch.equal(one.pillars.features, two.pillars.features)
    assert collated([replace(scenes[0], pillars=None)]).pillars is None
    assert len(scenes.part(torch.tensor([2, 0]))) == 2
    assert torch.equal(scenes.part(torch.tensor([2, 0]))[1].points, scenes[0].points)


def test_an_empty_scene_has_an_answer(area):
    """A lidar that is covered sees nothing; the network says that nothing is there."""
    batch = some(area).chosen(torch.tensor([0]))
    empty = with_pillars(replace(batch, points=batch.points[:0], owners=batch.owners[:0]))
    with torch.no_grad():
        found = untrained(area).module(empty)
    assert torch.isfinite(found.scores).all()


def test_it_starts_from_its_generator_alone(area):
    """Equal seeds give equal weights; every score starts at one in a hundred."""
    one, two, other = untrained(area), untrained(area), untrained(area, seed=1)
    state = two.module.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in one.module.state_dict().items())
    assert not torch.equal(one.module.heads.score.weight, other.module.heads.score.weight)
    torch.testing.assert_close(one.module.heads.score.bias, torch.full((18,), -math.log(99)))


def test_noise_acts_where_the_next_matrix_reads(area):
    """Every convolution behind the pillars, the heads once; points are data. All matrices are programmed."""
    network = untrained(area)
    assert len(network.analog) == 1 + 6 + 3 + 3
    assert "pillars.linear" not in network.activation_noise and network.activation_noise[-1] == "heads"
    owners = {name.rpartition(".")[0] for name in network.analog} - {"pillars.linear"}
    assert owners == {
        *network.activation_noise[:-1], "heads.score", "heads.box", "heads.direction",
    }  # fmt: skip
    seen = {}

    def look(name):
        return lambda module, inputs: seen.setdefault(name, inputs[0])

    hooks = [
        network.module.get_submodule(name).register_forward_pre_hook(look(name))
        for name in network.activation_noise
    ]
    with torch.no_grad():
        output = network.module(some(area).chosen(torch.tensor([0])))
    for hook in hooks:
        hook.remove()
    assert isinstance(output, Output) and set(seen) == set(network.activation_noise)
    assert all((each >= 0).all() and each.max() > 0 for each in seen.values())  # behind a ReLU


@pytest.mark.parametrize("kind", ["scale", "offset", "statistics"])
def test_every_calibration_leaves_a_perfect_chip_alone(settings, kind):
    """Programmed without an error, gains are 1, offsets 0, and statistics those of the same scenes."""
    (train,) = TASK.examples(settings(train_size=3), "train")
    batch = train.chosen(torch.arange(3))
    network = untrained(batch.area)
    [perfect] = synthetic_profiles([1.0], Trend(0.14, 0.7, 9, "measured"), min_operative_fraction=0.35)
    with torch.no_grad():
        with taking_statistics(normalisations(network)):
            network.module(batch)
        clean = network.module(batch)
        found = calibration(kind, network, TASK, batch, analog="weights")
        with found.calibrated(perfect, "lognormal"):
            calibrated = network.module(batch)
    for one, two in zip(clean, calibrated, strict=True):
        torch.testing.assert_close(one, two, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(("site", "places"), [("activation", 10), ("weight", 13)])
def test_training_noise_reaches_every_place(settings, site, places):
    """Half of what is read set to zero moves every answer; afterwards the network is as it was."""
    (train,) = TASK.examples(settings(train_size=2), "train")
    batch = train.chosen(torch.arange(2))
    network = untrained(batch.area)
    noise = MultinomialNoise(p_zero=0.5, p_half=0.0)
    spec = NoiseSpec("bayesmulti", site, (noise,) * places)
    before = network.module(batch)
    with Injection(network, spec, torch.Generator().manual_seed(1), when="always"):
        noisy = network.module(batch)
        loss, _ = TASK.loss(noisy, batch)
        loss.backward()
    for one, two in zip(before, noisy, strict=True):
        assert float((one - two).detach().abs().mean()) > 1e-4
    assert all(network.module.get_parameter(name).grad is not None for name in network.analog)
    for one, two in zip(before, network.module(batch), strict=True):
        assert torch.equal(one, two)
