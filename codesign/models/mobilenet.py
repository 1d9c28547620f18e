"""MobileNetV2 in its CIFAR form."""

from torch import Tensor, nn

from codesign.models.sizes import repeated

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks, stride (Table 2; the second stage's stride is 1 for 32 x 32 images)."""


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project without a nonlinearity; an identity where the shape stays."""

    def __init__(self, inputs: int, outputs: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = nn.Sequential()
        if expansion > 1:
            self.expand.add_module("conv", nn.Conv2d(inputs, inner, kernel_size=1, bias=False))
            self.expand.add_module("norm", nn.BatchNorm2d(inner))
            self.expand.add_module("relu", nn.ReLU6())
        self.filter = nn.Sequential()
        self.filter.add_module(
            "conv",
            nn.Conv2d(inner, inner, kernel_size=3, stride=stride, padding=1, groups=inner, bias=False),
        )
        self.filter.add_module("norm", nn.BatchNorm2d(inner))
        self.filter.add_module("relu", nn.ReLU6())
        self.project = nn.Sequential()
        self.project.add_module("conv", nn.Conv2d(inner, outputs, kernel_size=1, bias=False))
        self.project.add_module("norm", nn.BatchNorm2d(outputs))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h / stride, w / stride)."""
        inner = self.project(self.filter(self.expand(inputs)))
        return inputs + inner if self.residual else inner


class MobileNetV2(nn.Module):
    """Seven stages of inverted residuals; 2,236,682 parameters for ten classes.

    Source:
        Sandler, Howard, Zhu, Zhmoginov, Chen (2018), arXiv 1801.04381, Table 2: ReLU6, channels
        times the width multiplier in multiples of eight, the last convolution not narrowed
        (Sect. 6.1). For 32 x 32 images the stem and the second stage keep the resolution.
        Dropout before the classifier is left out: training noise belongs to the compared methods.
    """

    def __init__(self, *, in_channels: int, classes: int, width: float, depth: float) -> None:
        super().__init__()
        channels = multiple_of_eight(32 * width)
        self.stem = nn.Sequential()
        self.stem.add_module("conv", nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False))
        self.stem.add_module("norm", nn.BatchNorm2d(channels))
        self.stem.add_module("relu", nn.ReLU6())
        self.stages = nn.Sequential()
        for k, (expansion, planes, blocks, first_stride) in enumerate(STAGES, start=1):
            stage = nn.Sequential()
            outputs = multiple_of_eight(planes * width)
            for n in range(repeated(blocks, depth)):
                stride = first_stride if n == 0 else 1
                stage.add_module(
                    f"block{n + 1}",
                    InvertedResidual(channels, outputs, expansion=expansion, stride=stride),
                )
                channels = outputs
            self.stages.add_module(f"stage{k}", stage)
        last = multiple_of_eight(1280 * max(1.0, width))
        self.head = nn.Sequential()
        self.head.add_module("conv", nn.Conv2d(channels, last, kernel_size=1, bias=False))
        self.head.add_module("norm", nn.BatchNorm2d(last))
        self.head.add_module("relu", nn.ReLU6())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(last, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, side, side) -> (batch, classes)."""
        maps = self.head(self.stages(self.stem(inputs)))
        return self.linear(self.flatten(self.pool(maps)))


def multiple_of_eight(channels: float) -> int:
    """Nearest multiple of 8, at least 8, and never more than a tenth below `channels`.

    Raises:
        ValueError: `channels` is not positive.
    """
    if not channels > 0:
        raise ValueError(f"width must be positive, got {channels} channels")
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
