"""Generated pictures show what is said of them."""

import pytest
import torch

from codesign.tasks.vision_language.questions import COLOURS, COUNTS, SHAPES
from codesign.tasks.vision_language.scenes import GROUND, PAINTS, PIXELS, scenes

pytest.importorskip("PIL")


def painted(picture):
    """Where a picture is not its ground."""
    ground = picture.flatten(1).median(dim=1).values
    return (picture.float() - ground[:, None, None]).abs().amax(dim=0) > 40


def blobs(mask):
    """Connected pieces of at least 20 pixels."""
    from scipy.ndimage import label

    marks, number = label(mask.numpy())
    return sum((marks == k).sum() >= 20 for k in range(1, number + 1))


def test_counts_are_what_one_counts():
    """Shapes do not touch."""
    made = scenes("train", 60, 3)
    assert [blobs(painted(picture)) for picture in made.pictures] == (made.answers[:, 1] + 1).tolist()


def test_colours_are_what_one_sees():
    """The paint nearest to the middle of what is painted."""
    made = scenes("train", 60, 3)
    paints = torch.tensor([PAINTS[name] for name in COLOURS]).float()
    for picture, answer in zip(made.pictures, made.answers[:, 2], strict=True):
        seen = picture[:, painted(picture)].float().median(dim=1).values
        assert int((paints - seen).abs().amax(dim=1).argmin()) == int(answer)


def test_every_answer_occurs_and_parts_differ():
    """And pictures do not depend on how many are asked for."""
    made, other = scenes("train", 200, 3), scenes("test", 20, 3)
    sizes = [len(kind) for kind in (SHAPES, COUNTS, COLOURS)]
    assert [len(made.answers[:, k].unique()) for k in range(3)] == sizes
    assert made.pictures.shape == (200, 3, PIXELS, PIXELS) and made.pictures.dtype == torch.uint8
    assert not torch.equal(made.pictures[:20], other.pictures)
    assert torch.equal(scenes("train", 5, 3).pictures, made.pictures[:5])
    assert not torch.equal(scenes("train", 5, 4).pictures, made.pictures[:5])
    assert GROUND[0] > max(PAINTS["black"])
