"""Modules that choose among rows by their values."""

from torch import Tensor, nn


class Selection(nn.Module):
    """A module without parameters whose output is the numbers of the rows it chose, a tensor of integers.

    What comes behind it sees other rows when the values change. Where the outputs of two networks are
    compared row by row, as a calibration of gains and offsets does, the choice of one is used in both.
    """

    def forward(self, *inputs: Tensor) -> Tensor:
        """Numbers of the chosen rows, int64 (chosen,)."""
        raise NotImplementedError
