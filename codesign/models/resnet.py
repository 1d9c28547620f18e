"""ResNet-18, -50 and -101 in their CIFAR form."""

from collections.abc import Sequence

from torch import Tensor, nn

from codesign.models.sizes import repeated, scaled

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}
"""Residual blocks of the four stages (He et al. 2016, Table 1)."""


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions around an identity."""

    expansion = 1

    def __init__(self, inputs: int, channels: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = shortcut(inputs, channels, stride=stride)
        self.relu2 = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, channels, h / stride, w / stride)."""
        inner = self.relu1(self.norm1(self.conv1(inputs)))
        inner = self.norm2(self.conv2(inner))
        return self.relu2(inner + self.shortcut(inputs))


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (which carries the stride) and 1 x 1 convolutions around an identity."""

    expansion = 4

    def __init__(self, inputs: int, channels: int, *, stride: int) -> None:
        super().__init__()
        outputs = channels * self.expansion
        self.conv1 = nn.Conv2d(inputs, channels, kernel_size=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(channels, outputs, kernel_size=1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.shortcut = shortcut(inputs, outputs, stride=stride)
        self.relu3 = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, 4 channels, h / stride, w / stride)."""
        inner = self.relu1(self.norm1(self.conv1(inputs)))
        inner = self.relu2(self.norm2(self.conv2(inner)))
        inner = self.norm3(self.conv3(inner))
        return self.relu3(inner + self.shortcut(inputs))


def shortcut(inputs: int, outputs: int, *, stride: int) -> nn.Module:
    """Identity where the shape stays, else a 1 x 1 projection (option B of He et al. 2016).

    The stride is taken before the projection, which gives the same numbers: on a CPU, torch 2.13
    writes beyond its memory in the weight gradient of a strided 1 x 1 convolution in channels-last
    order whose number of channels is not a multiple of eight.
    """
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    projection = nn.Sequential()
    if stride > 1:
        projection.add_module("subsample", nn.MaxPool2d(1, stride=stride))
    projection.add_module("conv", nn.Conv2d(inputs, outputs, kernel_size=1, bias=False))
    projection.add_module("norm", nn.BatchNorm2d(outputs))
    return projection


class ResNet(nn.Module):
    """Four stages of residual blocks.

    Parameters for CIFAR-10: 11,173,962 (18), 23,520,842 (50), 42,512,970 (101).

    Source:
        He, Zhang, Ren, Sun (2016), arXiv 1512.03385, Table 1, in the CIFAR form: a 3 x 3 stem of
        stride 1 in place of 7 x 7 and pooling, and the stride of a bottleneck in its 3 x 3.
    """

    def __init__(
        self,
        *,
        block: type[BasicBlock | Bottleneck],
        blocks: Sequence[int],
        in_channels: int,
        classes: int,
        width: float,
        depth: float,
    ) -> None:
        super().__init__()
        channels = scaled(64, width)
        self.conv = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.stages = nn.Sequential()
        for k, number in enumerate(blocks):
            stage = nn.Sequential()
            planes = scaled(64 * 2**k, width)
            for n in range(repeated(number, depth)):
                stride = 2 if k > 0 and n == 0 else 1
                stage.add_module(f"block{n + 1}", block(channels, planes, stride=stride))
                channels = planes * block.expansion
            self.stages.add_module(f"stage{k + 1}", stage)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(channels, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, side, side) -> (batch, classes)."""
        maps = self.stages(self.relu(self.norm(self.conv(inputs))))
        return self.linear(self.flatten(self.pool(maps)))


def resnet(name: str, *, in_channels: int, classes: int, width: float, depth: float) -> ResNet:
    """One of `BLOCKS` by its name."""
    return ResNet(
        block=BasicBlock if name == "resnet18" else Bottleneck,
        blocks=BLOCKS[name],
        in_channels=in_channels,
        classes=classes,
        width=width,
        depth=depth,
    )
