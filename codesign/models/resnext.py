"""ResNeXt-29, 8 x 64d: the CIFAR network of its publication."""

from torch import Tensor, nn

from codesign.models.resnet import shortcut
from codesign.models.sizes import repeated, scaled

CARDINALITY = 8


class AggregatedBlock(nn.Module):
    """A bottleneck whose 3 x 3 convolution runs in `CARDINALITY` groups (Fig. 3c)."""

    def __init__(self, inputs: int, inner: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, kernel_size=1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(
            inner, inner, kernel_size=3, stride=stride, padding=1, groups=CARDINALITY, bias=False
        )
        self.norm2 = nn.BatchNorm2d(inner)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(inner, outputs, kernel_size=1, bias=False)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.shortcut = shortcut(inputs, outputs, stride=stride)
        self.relu3 = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, h / stride, w / stride)."""
        inner = self.relu1(self.norm1(self.conv1(inputs)))
        inner = self.relu2(self.norm2(self.conv2(inner)))
        inner = self.norm3(self.conv3(inner))
        return self.relu3(inner + self.shortcut(inputs))


class ResNeXt(nn.Module):
    """Three stages of three blocks, 29 layers; 34.4 M parameters for ten classes.

    Source:
        Xie, Girshick, Dollar, Tu, He (2017), arXiv 1611.05431, Sect. 5.3 and Table 7: stem of 64,
        stage outputs 256, 512, 1024, inner widths 8 x 64 doubling with each stage.
    """

    def __init__(self, *, in_channels: int, classes: int, width: float, depth: float) -> None:
        super().__init__()
        channels = scaled(64, width)
        self.conv = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.stages = nn.Sequential()
        for k in range(3):
            stage = nn.Sequential()
            inner = CARDINALITY * scaled(64 * 2**k, width)
            outputs = scaled(256 * 2**k, width)
            for n in range(repeated(3, depth)):
                stride = 2 if k > 0 and n == 0 else 1
                stage.add_module(f"block{n + 1}", AggregatedBlock(channels, inner, outputs, stride=stride))
                channels = outputs
            self.stages.add_module(f"stage{k + 1}", stage)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(channels, classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, side, side) -> (batch, classes)."""
        maps = self.stages(self.relu(self.norm(self.conv(inputs))))
        return self.linear(self.flatten(self.pool(maps)))
