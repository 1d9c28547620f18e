"""Generated pictures: one to five shapes of one kind and colour on a grey ground."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from codesign.seeds import generator
from codesign.tasks.vision_language.questions import COLOURS, COUNTS, SHAPES

PIXELS = 128
FINER = 4
"""Pictures are drawn this many times larger and averaged down."""
CELLS = 3
"""Places for shapes along each side, one shape a place at most."""
RADIUS = (11.0, 17.0)
"""Of a shape, in pixels."""
JITTER = 3.0
"""Largest shift of a shape off the middle of its place, in pixels."""
GROUND = (150, 225)
"""Grey of the ground."""
VARIED = 25
"""Largest change of each channel of a colour, in bytes."""
GRAIN = 6.0
"""Standard deviation of each pixel, in bytes."""
PAINTS = {
    "red": (210, 35, 35),
    "green": (35, 150, 50),
    "blue": (40, 70, 205),
    "yellow": (235, 215, 45),
    "orange": (240, 135, 25),
    "purple": (130, 45, 165),
    "black": (25, 25, 25),
}
VERSION = 1
"""Of all above; another one gives other pictures."""


class Scenes(NamedTuple):
    """Pictures and what is true of them."""

    pictures: Tensor
    """uint8 (n, 3, 128, 128)."""
    answers: Tensor
    """int64 (n, 3): numbers of shape, count and colour in `SHAPES`, `COUNTS` and `COLOURS`."""


def scenes(part: str, number: int, seed: int) -> Scenes:
    """Pictures of one part, each drawn from a generator of its own.

    Args:
        part: train | validation | test; parts differ.
        number: How many; the first ones are the same whatever it is.
        seed: Root seed.
    """
    made = [_scene(generator(seed, "vision_language", VERSION, part, k)) for k in range(number)]
    pictures, answers = zip(*made, strict=True)
    return Scenes(torch.from_numpy(np.stack(pictures)), torch.tensor(answers))


def _scene(random: np.random.Generator) -> tuple[np.ndarray, tuple[int, int, int]]:
    from PIL import Image, ImageDraw

    shape, count, colour = (int(random.integers(len(kind))) for kind in (SHAPES, COUNTS, COLOURS))
    ground = int(random.integers(*GROUND))
    paint = np.array(PAINTS[COLOURS[colour]]) + random.integers(-VARIED, VARIED + 1, 3)
    paint = tuple(int(value) for value in paint.clip(0, 255))
    side = PIXELS * FINER
    image = Image.new("RGB", (side, side), (ground, ground, ground))
    draw = ImageDraw.Draw(image)
    radius = random.uniform(*RADIUS) * FINER
    for place in random.permutation(CELLS * CELLS)[: count + 1]:
        middle = (np.array(divmod(int(place), CELLS)) + 0.5) * side / CELLS
        x, y = middle + random.uniform(-JITTER, JITTER, 2) * FINER
        _draw(draw, SHAPES[shape], x, y, radius, random.uniform(0, 2 * math.pi), paint, ground)
    found = np.asarray(image.reduce(FINER), dtype=np.float64)
    found = found + random.normal(0, GRAIN, found.shape)
    return found.round().clip(0, 255).astype(np.uint8).transpose(2, 0, 1), (shape, count, colour)


def _draw(draw, shape: str, x: float, y: float, radius: float, turn: float, paint, ground: int) -> None:
    """One shape around (x, y), turned by an angle."""

    def corners(angles, radii):
        return [
            (x + r * math.cos(turn + a), y + r * math.sin(turn + a))
            for a, r in zip(angles, radii, strict=True)
        ]

    if shape in ("circle", "ring"):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=paint)
        if shape == "ring":
            inner = 0.6 * radius
            draw.ellipse((x - inner, y - inner, x + inner, y + inner), fill=(ground,) * 3)
    elif shape == "cross":
        thick = 0.3
        for quarter in (0, math.pi / 2):
            half = [math.atan2(thick, 1), -math.atan2(thick, 1)]
            angles = [quarter + a for a in (half[1], half[0], math.pi + half[1], math.pi + half[0])]
            draw.polygon(corners(angles, [radius] * 4), fill=paint)
    elif shape == "star":
        angles = [math.pi * k / 5 for k in range(10)]
        draw.polygon(corners(angles, [radius * 1.15, radius * 0.5] * 5), fill=paint)
    else:
        sides = 3 if shape == "triangle" else 4
        angles = [2 * math.pi * k / sides for k in range(sides)]
        draw.polygon(corners(angles, [radius * 1.15] * sides), fill=paint)
