"""Cars, pedestrians and cyclists in the points of a lidar: PointPillars on KITTI, or on generated scenes.

Decisions are not certified: certificates smooth inputs that are vectors, and are of one decision an example.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from codesign.models.network import Network
from codesign.tasks.contract import DataSettings, DataSource, Task
from codesign.tasks.driving import kitti
from codesign.tasks.driving.anchors import targets_of
from codesign.tasks.driving.augment import augmented, pool_of
from codesign.tasks.driving.losses import detection_loss
from codesign.tasks.driving.network import LAYERS, Output, pointpillars
from codesign.tasks.driving.scanner import SCANNED, scenes_of
from codesign.tasks.driving.scenes import Area, Batch, Scenes, collated
from codesign.tasks.driving.scores import PrecisionScorer
from codesign.tasks.remote import DataError, kept

STATISTICS = 40
"""Most scenes that statistics of batch normalisation are taken from: each has thousands of places."""
PLACES_AT_ONCE = 8 * 160 * 160
"""Pillars of the ground plan in a forward pass where nothing is learnt."""


GENERATED = {"train": 40, "test": 20}
"""Scenes where the experiment says nothing: enough to see that all runs."""
AREAS = {"near": (40.0, 20.0, 0.25), "full": (69.12, 39.68, 0.16)}
"""Metres ahead, to either side, and of a pillar's side; `full` is the published one."""


def area_of(options: Mapping[str, Any]) -> Area:
    """What an experiment's network looks at."""
    return Area(*AREAS[options["area"]], options["stride"])


class Driving(Task):
    """Detection of three classes."""

    def examples(self, settings: DataSettings, *parts: str) -> tuple[Scenes, ...]:
        """Scenes of each part."""
        return tuple(self._part(settings, part) for part in parts)

    def _part(self, settings: DataSettings, part: str) -> Scenes:
        scenes = (recorded if settings.source == "kitti" else generated)(settings, part)
        scenes = replace(scenes, area=area_of(settings.options), fixed=part != "train")
        if part == "train" and settings.options.get("pasted"):
            scenes = replace(scenes, pool=pool_of(scenes))
        return scenes

    def collate(self, items: Sequence[Batch]) -> Batch:
        """Scenes one after the other."""
        return collated(items)

    def batch(self, examples: Scenes, indices: Tensor) -> Batch:
        """The same, without taking the examples apart."""
        return examples.chosen(indices.to(examples.points.device))

    def representative(self, examples: Scenes, count: int, generator: torch.Generator) -> Tensor:
        """At most `STATISTICS` scenes."""
        return super().representative(examples, min(count, STATISTICS), generator)

    def network(
        self, name: str, options: Mapping[str, Any], settings: DataSettings, generator: torch.Generator | None
    ) -> Network:
        """PointPillars of the area that the experiment names.

        Raises:
            ValueError: Another name, or an area that the blocks do not divide.
        """
        if name != "pointpillars":
            raise ValueError(f"driving has the network pointpillars, got {name!r}")
        area = area_of(options)
        return pointpillars(
            area,
            width=options.get("width", 1.0),
            layers=options.get("layers", LAYERS),
            generator=generator,
            examples_at_once=max(1, PLACES_AT_ONCE // (area.rows * area.columns)),
        )

    def loss(self, output: Output, batch: Batch) -> tuple[Tensor, int]:
        """Mean over the scenes of score, box and direction loss."""
        return detection_loss(output, targets_of(batch)), len(batch)

    def scorer(self, *, details: bool = False) -> PrecisionScorer:
        """Counts detections; with `details` keeps a scene for the figure."""
        return PrecisionScorer(details=details)

    def augment(self, batch: Batch, options: Mapping[str, Any], generator: torch.Generator) -> Batch:
        """Scenes mirrored, turned, scaled and filled as the experiment asks."""
        return augmented(
            batch,
            flip=options.get("flip", False),
            turn_deg=options.get("turn_deg", 0.0),
            scaling=options.get("scaling", 0.0),
            pasted=options.get("pasted", 0),
            generator=generator,
        )


def generated(settings: DataSettings, part: str) -> Scenes:
    """Scenes of the synthetic scanner; validation scenes come beside the training ones, not out of them."""
    which = "test" if part == "test" else "train"
    number = settings.options.get(f"{which}_size") or GENERATED[which]
    if part == "validation":
        share = settings.validation_fraction
        number = max(1, round(number * share / (1 - share)))
    name = f"driving/synthetic-{SCANNED}-{settings.seed}-{part}-{number}"
    tensors = kept(settings.cache, name, lambda: Scenes.of(scenes_of(settings.seed, part, number)).tensors())
    source = DataSource("synthetic scanner", "generated", "synthetic: no measured scene", "")
    return replace(Scenes.kept(tensors), source=source)


def recorded(settings: DataSettings, part: str) -> Scenes:
    """Frames of KITTI; one whose labels are known to lack lines is not scored."""
    folder = kitti.folder_of(settings)
    frames = kitti.frames_of(settings, part)
    if part != "train":
        whole = [frame for frame in frames if kitti.may_be_scored(folder, frame)]
        for frame in sorted(set(frames) - set(whole)):
            print(f"frame {frame}: its labels lack lines; it is not scored")
        frames = whole
    if not frames:
        raise DataError(
            f"{folder}: split {settings.needed('split')} leaves no frame for {part}; put more frames there, "
            "or name more in ImageSets"
        )
    digest = kitti.digest_of(folder, frames)
    name = f"driving/kitti-{kitti.DECODED}-{digest[:16]}"
    tensors = kept(settings.cache, name, lambda: Scenes.of(kitti.scenes_of(folder, frames)).tensors())
    variant = f"{settings.needed('split')} split, {len(frames)} frames"
    return replace(Scenes.kept(tensors), source=DataSource("KITTI object", "mirror", variant, digest))


TASK = Driving()
