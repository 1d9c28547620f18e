"""Pictures of each source and part, and what the frozen encoder sees in them."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from tqdm import tqdm

from codesign.seeds import derived_seed
from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.objects.cifar10 import read_cifar10
from codesign.tasks.remote import kept
from codesign.tasks.splits import divide, stratified
from codesign.tasks.vision_language.blip2 import blip2_encoder, blip2_features, encoder_digest, is_large
from codesign.tasks.vision_language.coco import coco_part
from codesign.tasks.vision_language.encoder import encoder_of, features_of
from codesign.tasks.vision_language.parts import ENCODER, FOLDER, encoder_weights
from codesign.tasks.vision_language.scenes import scenes

CLIP = 4.0
"""Largest standardised feature."""
SEEN = 1
"""Version of how pictures are resized and averaged: part of the name under which features are kept."""
BLOCK = 256
"""Pictures resized at once."""


class Pictures(NamedTuple):
    """Pictures of a part."""

    pixels: Tensor
    """uint8 (n, 3, side, side), as they come from the source."""
    answers: Tensor
    """int64 (n, questions): number of the right answer to each question of the source; -1 where it is not
    asked."""
    source: DataSource


def pictures_of(settings: DataSettings, part: str) -> Pictures:
    """The pictures of one part: train, validation or test.

    `train_size` and `test_size` among the options count pictures; with MSCOCO `test_size` counts questions of
    each kind. Of generated ones, as many are validated on
    as `validation_fraction` asks for beside those trained on; of CIFAR-10, that share of its fitting images,
    or as many as it asks for beside `train_size` where that is fewer.

    Raises:
        ValueError: Another source, or more pictures are asked for than there are.
        DataError: CIFAR-10 or MSCOCO cannot be had, or is not what is expected.
    """
    if settings.source == "scenes":
        size = settings.needed("test_size" if part == "test" else "train_size")
        number = beside(size, settings.validation_fraction) if part == "validation" else size
        drawn = scenes(part, number, settings.seed)
        return Pictures(*drawn, DataSource("scenes", "generated", "", ""))
    if settings.source == "cifar10":
        return _cifar10(settings, part)
    if settings.source == "coco" and is_large(settings):
        return Pictures(*coco_part(settings, part))
    raise ValueError(
        f"source must be scenes or cifar10, or coco with an encoder of its own, got {settings.source!r}"
    )


def beside(size: int, fraction: float) -> int:
    """Examples to validate on beside `size` to train on, so that they are a `fraction` of both.

    >>> beside(850, 0.15)
    150
    """
    return max(1, round(size * fraction / (1 - fraction)))


def _cifar10(settings: DataSettings, part: str) -> Pictures:
    pixels, labels, source = read_cifar10("test" if part == "test" else "fit", settings)
    if part == "test":
        chosen = _some(labels, settings.options.get("test_size"), settings, part)
    else:
        size = settings.options.get("train_size")
        chosen, validation = divide(
            labels,
            validation_fraction=settings.validation_fraction,
            train_size=size,
            generator=_generator(settings, "fit"),
        )
        if part == "validation":
            most = None if size is None else min(len(validation), beside(size, settings.validation_fraction))
            chosen = validation[_some(labels[validation], most, settings, part)]
    return Pictures(pixels[chosen], labels[chosen][:, None], source)


def _some(labels: Tensor, size: int | None, settings: DataSettings, part: str) -> Tensor:
    """Numbers of `size` images, as many of each class as it has a share; of all where None."""
    return stratified(labels, len(labels) if size is None else size, generator=_generator(settings, part))


def _generator(settings: DataSettings, part: str) -> torch.Generator:
    return torch.Generator().manual_seed(derived_seed(settings.seed, "vision_language", "cifar10", part))


def seen(pictures: Tensor, settings: DataSettings) -> Tensor:
    """What the frozen encoder sees in pictures; from the cache where the same ones were looked at before.

    They are kept under the encoder's sha256, size, grid and a digest of the pictures.

    Args:
        pictures: uint8 (n, 3, side, side).
        settings: With the small encoder `pixels` among its options is the size they are brought to, `grid`
            the places along each side that features are averaged to. With `encoder` it is that one.

    Returns:
        float32 (n, grid squared, 1280); of BLIP-2 (n, queries, width of the Q-Former).

    Raises:
        ValueError: The encoder's map has fewer places than the grid.
        PartError: The encoder is not installed, or not as published.
    """
    digest = hashlib.sha256(f"{tuple(pictures.shape)}".encode() + pictures.numpy().tobytes()).hexdigest()
    if is_large(settings):
        name = f"features-{encoder_digest(settings)[:16]}-{SEEN}-{digest[:16]}"

        def found_by_blip2() -> dict[str, Tensor]:
            encoder = blip2_encoder(settings)
            found = [blip2_features(encoder, resized(some, encoder.pixels)) for some in blocks_of(pictures)]
            return {"features": torch.cat(found)}

        return kept(settings.cache, f"{FOLDER}/{name}", found_by_blip2)["features"]
    pixels, grid = settings.needed("pixels"), settings.needed("grid")
    name = f"features-{ENCODER.sha256[:16]}-{pixels}-{grid}-{SEEN}-{digest[:16]}"

    def look() -> dict[str, Tensor]:
        encoder = encoder_of(encoder_weights(settings.cache))
        found = [features_of(encoder, resized(some, pixels), grid) for some in blocks_of(pictures)]
        return {"features": torch.cat(found)}

    return kept(settings.cache, f"{FOLDER}/{name}", look)["features"]


def blocks_of(pictures: Tensor) -> Iterable[Tensor]:
    """Some pictures after the other, with a bar where somebody looks."""
    return tqdm(pictures.split(BLOCK), desc="pictures seen", unit=f"x{BLOCK}", disable=None)


def resized(pictures: Tensor, pixels: int) -> Tensor:
    """Pictures uint8 (n, 3, side, side) at another size, by bicubic interpolation."""
    if pictures.shape[-1] == pixels:
        return pictures
    found = interpolate(pictures.float(), (pixels, pixels), mode="bicubic", antialias=True)
    return found.round_().clamp_(0, 255).to(torch.uint8)


class Moments(NamedTuple):
    """Of each of the encoder's channels over training pictures and places, (channels,) each."""

    mean: Tensor
    std: Tensor


def moments_of(features: Tensor) -> Moments:
    """Mean and standard deviation of each channel; a channel that never changes has 1."""
    values = features.double().reshape(-1, features.shape[-1])
    std = values.std(dim=0, correction=0)
    return Moments(values.mean(dim=0).float(), torch.where(std > 0, std, 1.0).float())


def standardised(features: Tensor, moments: Moments) -> Tensor:
    """Features less the mean, over the standard deviation, within -4 and 4."""
    return ((features - moments.mean) / moments.std).clamp_(-CLIP, CLIP)
