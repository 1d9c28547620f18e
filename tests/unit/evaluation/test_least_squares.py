"""Gains and offsets of channels, against numpy's own least squares."""

import numpy as np
import pytest
import torch

from codesign.evaluation.least_squares import centred, gain_and_offset


def test_gains_and_offsets_are_those_of_a_straight_line():
    """Channel by channel what `numpy.polyfit` finds."""
    rng = np.random.default_rng(3)
    found, clean = rng.normal(2, 3, size=(40, 5)), rng.normal(-1, 2, size=(40, 5))
    gain, offset = gain_and_offset(centred(torch.tensor(found)), centred(torch.tensor(clean)))
    for k in range(5):
        slope, intercept = np.polyfit(found[:, k], clean[:, k], 1)
        assert (gain[k].item(), offset[k].item()) == pytest.approx((slope, intercept), rel=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_channel_of_one_value_ends_at_the_clean_mean(dtype):
    """Its variance is rounding alone, which must not be stretched."""
    found = torch.full((30, 1), 0.1, dtype=dtype)
    clean = torch.linspace(0, 1, 30, dtype=dtype)[:, None]
    gain, offset = gain_and_offset(centred(found), centred(clean))
    assert gain.item() == 0
    assert offset.item() == clean.mean().item()
