"""Batches of any structure: what the training loop and the simulator do with their tensors."""

import torch

from codesign.tasks.contract import DataSource, doubled


class Drawn(list):
    """Examples with a source, made from something else than a sequence."""

    def __init__(self, number):
        super().__init__((torch.ones(2), torch.tensor(k)) for k in range(number))
        self.source = DataSource("ones", "generated", "", "")


def test_a_list_that_is_made_its_own_way_is_changed_like_a_list():
    """Examples of a task may be a list with a source; they need not be made as lists are."""
    changed = doubled(Drawn(3))
    assert [values.dtype for values, _ in changed] == [torch.float64] * 3
    assert [number.item() for _, number in changed] == [0, 1, 2]
