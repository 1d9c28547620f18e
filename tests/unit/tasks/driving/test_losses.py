"""The loss against a loop over anchors, and its value at the start."""

import math

import pytest
import torch

from codesign.tasks.driving.anchors import NO_COUNT, Targets
from codesign.tasks.driving.losses import detection_loss
from codesign.tasks.driving.network import Output


def drawn(scenes=2, anchors=12, positives=5, seed=1):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.double)

    labels = torch.randint(-1, 1, (scenes, anchors), generator=generator).to(torch.int8)
    where = torch.randperm(scenes * anchors, generator=generator)[:positives].sort().values
    classes = torch.randint(0, 3, (positives,), generator=generator)
    labels.view(-1)[where] = (classes + 1).to(torch.int8)
    targets = Targets(
        labels,
        where // anchors,
        where % anchors,
        classes,
        normal(positives, 7),
        torch.randint(0, 2, (positives,), generator=generator),
    )
    return Output(normal(scenes, anchors, 3), normal(scenes, anchors, 7), normal(scenes, anchors, 2)), targets


def slow(output, targets):
    """The published loss, anchor by anchor and class by class."""
    scenes, anchors = targets.labels.shape
    whole = 0.0
    for scene in range(scenes):
        mine = [k for k in range(len(targets.scenes)) if targets.scenes[k] == scene]
        loss = 0.0
        for anchor in range(anchors):
            label = int(targets.labels[scene, anchor])
            for name in range(3) if label != NO_COUNT else ():
                p = 1 / (1 + math.exp(-float(output.scores[scene, anchor, name])))
                if label == name + 1:
                    loss += -0.25 * (1 - p) ** 2 * math.log(p)
                else:
                    loss += -0.75 * p**2 * math.log(1 - p)
        for k in mine:
            anchor = int(targets.anchors[k])
            for place in range(7):
                difference = float(output.codes[scene, anchor, place] - targets.codes[k, place])
                if place == 6:
                    difference = math.sin(difference)
                size = abs(difference)
                loss += 2 * (size**2 / 2 * 9 if size < 1 / 9 else size - 1 / 18)
            logits = output.directions[scene, anchor].tolist()
            chosen = logits[int(targets.directions[k])]
            loss += 0.2 * (math.log(sum(math.exp(each) for each in logits)) - chosen)
        whole += loss / max(1, len(mine))
    return whole / scenes


@pytest.mark.parametrize("positives", [5, 1, 0])
def test_the_loss_is_that_of_a_loop(positives):
    """Scenes with many positive anchors, with one, with none."""
    output, targets = drawn(positives=positives)
    assert float(detection_loss(output, targets)) == pytest.approx(slow(output, targets))


def test_half_a_turn_costs_nothing_but_the_direction():
    """A box turned round is the same box; which end is the front is the direction's to say."""
    output, targets = drawn(positives=2)
    output.codes[targets.scenes, targets.anchors] = targets.codes
    before = detection_loss(output, targets)
    output.codes[targets.scenes, targets.anchors] += math.pi * torch.eye(7, dtype=torch.double)[6]
    torch.testing.assert_close(detection_loss(output, targets), before)


def test_gradients_are_those_of_differences():
    """Of every output, by central differences."""
    output, targets = drawn(anchors=4, positives=3)
    tensors = [each.clone().requires_grad_() for each in output]
    assert torch.autograd.gradcheck(lambda *each: detection_loss(Output(*each), targets), tensors)
