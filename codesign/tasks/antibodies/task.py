"""Does this antibody neutralise that virus? Pairs of sequences, tested on antibodies not trained on.

No certificate: an output is one logit a pair, and certificates are made of `ClassificationTask`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from codesign.models.network import Network
from codesign.models.sizes import scaled
from codesign.tasks.antibodies.metrics import finite, scores
from codesign.tasks.antibodies.networks import FILTERS, HIDDEN, mason, relation
from codesign.tasks.antibodies.pairs import Batch, Pair, Pairs, batch_of
from codesign.tasks.antibodies.parts import material, pairs_of
from codesign.tasks.antibodies.sequences import words
from codesign.tasks.contract import DataSettings, Task

RELATION_PENALTY = 5e-4
"""Of the relation graphs' adjacencies: their Frobenius norms times it are added to the loss (DeepAAI)."""
ALL, SUBSET = "all", "published subset"
"""Rows of details beside the bands."""


class Answers:
    """Logits of pairs, counted: accuracy, area under the ROC curve, Matthews correlation."""

    def __init__(self) -> None:
        self.kept: list[tuple[Tensor, Batch]] = []

    def update(self, output: Tensor | tuple[Tensor, Tensor], batch: Batch) -> None:
        """Keep the logits of a batch."""
        self.kept.append((_logits(output).detach().double().cpu(), batch))

    def compute(self) -> dict[str, float]:
        """Each metric over all pairs; an area is 0.5 where there is one class alone."""
        return finite(scores(self._column("label"), self._logits()))

    def details(self) -> list[dict]:
        """A row for all pairs, each band of similarity and the published subset, the neighbour's beside.

        An area is NaN where a band has one class alone, the neighbour's metrics where it was not asked.
        """
        if not self.kept:
            return []
        label, logits, nearest = self._column("label"), self._logits(), self._column("nearest")
        band, names = self._column("band"), self.kept[0][1].bands
        chosen = {ALL: np.ones(len(label), dtype=bool)}
        chosen |= {name: band == number for number, name in enumerate(names)}
        subset = self._column("subset").astype(bool)
        if subset.any() and not subset.all():
            chosen[SUBSET] = subset
        return [
            {"band": name, "pairs": int(mine.sum()), "positive": float(label[mine].mean())}
            | scores(label[mine], logits[mine])
            | {f"nearest_{metric}": value for metric, value in _nearest(label[mine], nearest[mine]).items()}
            for name, mine in chosen.items()
            if mine.any()
        ]

    def _logits(self) -> np.ndarray:
        return torch.cat([logits for logits, _ in self.kept]).numpy()

    def _column(self, name: str) -> np.ndarray:
        return torch.cat([getattr(batch, name).cpu() for _, batch in self.kept]).numpy()


def _nearest(label: np.ndarray, answer: np.ndarray) -> dict[str, float]:
    """Metrics of the nearest seen antibody's answers, NaN without any; a pair without one counts as wrong."""
    found = scores(label, np.where(answer < 0, np.nan, answer), threshold=0.5)
    return found if (answer >= 0).any() else dict.fromkeys(found, float("nan"))


def _logits(output: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


class Antibodies(Task):
    """Two classes of pairs."""

    def examples(self, settings: DataSettings, *parts: str) -> tuple[Pairs, ...]:
        """Pairs of the parts asked for; antibodies of different parts differ."""
        made = material(settings)
        return tuple(pairs_of(made, part, settings) for part in parts)

    def collate(self, items: Sequence[Pair]) -> Batch:
        """Pairs of one part as a batch.

        Raises:
            ValueError: They are of several parts.
        """
        if any(item.pairs is not items[0].pairs for item in items):
            raise ValueError("pairs of one batch must be of one part, which holds their sequences")
        return batch_of(items[0].pairs, torch.tensor([item.index for item in items]))

    def batch(self, examples: Pairs, indices: Tensor) -> Batch:
        """Each sequence of the pairs once."""
        return batch_of(examples, indices)

    def network(
        self, name: str, options: Mapping[str, Any], settings: DataSettings, generator: torch.Generator | None
    ) -> Network:
        """`mason` or `relation`.

        Both take `dropout`. `width` scales what is 64 filters and 32 values in `mason`, and what `hidden` and
        `filters` do not say of `relation`, 512 values and 64 filters.

        Raises:
            ValueError: An option of the other network, or a relation graph without antigens.
        """
        made = material(settings)
        dropout, width = settings.needed("dropout"), options.get("width", 1.0)
        if name == "mason":
            for option in ("hidden", "filters"):
                if options.get(option) is not None:
                    raise ValueError(f"the option {option} is of the network relation; mason has width")
            return mason(lengths=made.lengths, width=width, dropout=dropout, generator=generator)
        if not made.lengths[1]:
            raise ValueError("the network relation needs antigens; antigen none goes with mason")
        return relation(
            lengths=made.lengths,
            words=len(words(made.known()).codes),
            hidden=options.get("hidden") or scaled(HIDDEN, width),
            filters=options.get("filters") or scaled(FILTERS, width),
            dropout=dropout,
            generator=generator,
        )

    def loss(self, output: Tensor | tuple[Tensor, Tensor], batch: Batch) -> tuple[Tensor, int]:
        """Cross entropy, and while a relation graph is trained its penalty."""
        loss = binary_cross_entropy_with_logits(_logits(output), batch.label)
        if not isinstance(output, Tensor):
            loss = loss + RELATION_PENALTY * output[1]
        return loss, len(batch)

    def scorer(self, *, details: bool = False) -> Answers:
        """Counts logits; details are made of the same."""
        return Answers()


TASK = Antibodies()
