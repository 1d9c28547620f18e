"""EfficientNet-Lite0 without its classifier: pictures to a map of features."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, pad, relu6

CHANNELS = 1280
"""Of its last map."""
STRIDE = 32
"""Pixels of a picture to one place of that map, along each side."""
MEAN, WIDTH = 127.0, 128.0
"""It reads bytes less the first, over the second."""
STEM, HEAD = 32, CHANNELS
EPSILON = 1e-3
"""Of batch normalisation, as published."""
AT_ONCE = 32
"""Pictures in a forward pass."""


class Stage(NamedTuple):
    """Blocks alike, one after the other."""

    blocks: int
    kernel: int
    stride: int
    """Of the first one; the others have 1."""
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class EfficientNetLite0(nn.Module):
    """Convolutions in inverted residual blocks, ReLU6 between them, no squeeze and excitation.

    Source:
        Tan, Le (2019), arXiv 1905.11946; Liu (2020), EfficientNet-Lite (TensorFlow's `efficientnet/lite`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem, self.bn0 = _Convolution(3, STEM, 3, 2), _normalisation(STEM)
        blocks, channels = [], STEM
        for stage in STAGES:
            for number in range(stage.blocks):
                stride = stage.stride if number == 0 else 1
                blocks.append(_Block(channels, stage.channels, stage.kernel, stride, stage.expansion))
                channels = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.conv_head, self.bn1 = _Convolution(channels, HEAD, 1, 1), _normalisation(HEAD)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (n, 3, height, width), normalised, to (n, 1280, height / 32, width / 32), rounded up."""
        x = self.blocks(relu6(self.bn0(self.conv_stem(x))))
        return relu6(self.bn1(self.conv_head(x)))


class _Block(nn.Module):
    """An inverted residual block."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expands, self.skips = expansion != 1, stride == 1 and channels == out
        if self.expands:
            self.expand_conv, self.bn0 = _Convolution(channels, wide, 1, 1), _normalisation(wide)
        self.depthwise_conv = _Convolution(wide, wide, kernel, stride, groups=wide)
        self.bn1 = _normalisation(wide)
        self.project_conv, self.bn2 = _Convolution(wide, out, 1, 1), _normalisation(out)

    def forward(self, x: Tensor) -> Tensor:
        y = relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        y = self.bn2(self.project_conv(relu6(self.bn1(self.depthwise_conv(y)))))
        return x + y if self.skips else y


class _Convolution(nn.Conv2d):
    """Padded so that sides of n become n / stride, rounded up; an odd pixel goes to the right and below."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, *, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = (max(kernel - (size % stride or stride), 0) for size in x.shape[-2:])
        return super().forward(pad(x, [width // 2, width - width // 2, height // 2, height - height // 2]))


def _normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)


def encoder_of(weights: Mapping[str, Tensor]) -> EfficientNetLite0:
    """The encoder with weights of `codesign.tasks.vision_language.parts.encoder_weights`, to evaluate."""
    with torch.device("meta"):
        encoder = EfficientNetLite0()
    encoder.load_state_dict(dict(weights), assign=True)
    return encoder.requires_grad_(requires_grad=False).eval()


@torch.inference_mode()
def features_of(encoder: EfficientNetLite0, pictures: Tensor, grid: int) -> Tensor:
    """What the encoder sees in pictures, averaged over a grid of places.

    Args:
        encoder: In evaluation mode.
        pictures: uint8 (n, 3, size, size).
        grid: Places along each side that are kept, at most size / 32.

    Returns:
        float32 (n, grid squared, 1280), row by row of the grid.

    Raises:
        ValueError: The map has fewer places than the grid.
    """
    places = -(-pictures.shape[-1] // STRIDE)
    if grid > places:
        raise ValueError(
            f"a grid of {grid} places needs pictures of at least {(grid - 1) * STRIDE + 1} pixels, "
            f"these have {pictures.shape[-1]}"
        )
    found = []
    for some in pictures.split(AT_ONCE):
        maps = encoder((some.float() - MEAN) / WIDTH)
        found.append(adaptive_avg_pool2d(maps, grid).flatten(2).transpose(1, 2).contiguous())
    return torch.cat(found).clone()
