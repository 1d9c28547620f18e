"""Which sentences a part has, whatever their source."""

from collections.abc import Sequence

import torch

from codesign.seeds import derived_seed
from codesign.tasks.contract import DataSettings, DataSource
from codesign.tasks.remote import DataError
from codesign.tasks.sentiment import aste, generated
from codesign.tasks.sentiment.annotated import Annotated
from codesign.tasks.sentiment.templates import PARTS

GENERATED_SIZES = {"train": 2000, "test": 500}
"""Sentences of the generated source where the experiment does not say how many."""


def sentences_of(part: str, settings: DataSettings) -> tuple[Sequence[Annotated], DataSource]:
    """Sentences of one part, and where they came from.

    `train_size` and `test_size` among the options say how many. Of generated sentences so many are made, and
    validation has the share `validation_fraction` of both; of a file so many are drawn, evenly and in its
    order, and validation is the published dev file.

    Args:
        part: train | validation | test. A file of another part is not opened.
        settings: Source, seed, fraction, options, mirror.

    Raises:
        ValueError: Options that this source has not.
        DataError: A file cannot be had or is not as it must be, or has fewer sentences than asked for.
    """
    if part not in PARTS:
        raise ValueError(f"part must be one of {', '.join(PARTS)}, got {part!r}")
    size = settings.options.get({"train": "train_size", "test": "test_size"}.get(part, ""))
    if settings.source == "generated":
        if settings.options.get("folder") is not None:
            raise ValueError(
                "the option folder is of 14lap, 14res, 15res and 16res; generated sentences need none"
            )
        variant = f"made from templates, version {generated.VERSION}"
        found = generated.generated(part, size or _generated_size(part, settings), seed=settings.seed)
        return found, DataSource("generated sentences", "generated", variant, "")
    found, source = aste.read_part(part, settings)
    if size is None:
        return found, source
    if size > len(found):
        raise DataError(
            f"{settings.source}: {part}_size {size} is more than the {len(found)} sentences there are"
        )
    draw = torch.Generator().manual_seed(derived_seed(settings.seed, "sentiment", settings.source, part))
    chosen = torch.randperm(len(found), generator=draw)[:size].sort().values
    return [found[k] for k in chosen.tolist()], source


def _generated_size(part: str, settings: DataSettings) -> int:
    if part != "validation":
        return GENERATED_SIZES[part]
    share = settings.validation_fraction
    train = settings.options.get("train_size") or GENERATED_SIZES["train"]
    return max(1, round(train * share / (1 - share)))
