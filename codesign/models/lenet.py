"""LeNet-5."""

import torch
from torch import Tensor, nn

from codesign.models.sizes import scaled


class HalvingPool(nn.MaxPool2d):
    """Maximum over 2 x 2 pixels.

    Without gradients as maxima of slices: the same values, and for LeNet's few channels six times as fast.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, height, width) -> (batch, channels, height // 2, width // 2)."""
        height, width = (side // 2 * 2 for side in inputs.shape[-2:])
        if torch.is_grad_enabled():
            return super().forward(inputs)
        pairs = torch.maximum(inputs[..., 0:height:2, :width], inputs[..., 1:height:2, :width])
        return torch.maximum(pairs[..., 0::2], pairs[..., 1::2])


class LeNet5(nn.Module):
    """Two convolutions with pooling, three linear layers; 61,706 parameters for one channel, ten classes.

    Source:
        LeCun, Bottou, Bengio, Haffner (1998), "Gradient-based learning applied to document
        recognition", Fig. 2, in today's usual form: every C3 map sees every S2 map, pooling
        without weights (maximum), ReLU, a linear output. The 32 x 32 field of the original is
        made from 28 x 28 images by two pixels of zero padding.
    """

    def __init__(self, *, in_channels: int, image_size: int, classes: int, width: float) -> None:
        super().__init__()
        if image_size not in (28, 32):
            raise ValueError(f"lenet5 takes images of 28 or 32 pixels a side, got {image_size}")
        c1, c3, c5, f6 = (scaled(channels, width) for channels in (6, 16, 120, 84))
        self.features = nn.Sequential()
        self.features.add_module(
            "conv1", nn.Conv2d(in_channels, c1, kernel_size=5, padding=(32 - image_size) // 2)
        )
        self.features.add_module("relu1", nn.ReLU())
        self.features.add_module("pool1", HalvingPool())
        self.features.add_module("conv2", nn.Conv2d(c1, c3, kernel_size=5))
        self.features.add_module("relu2", nn.ReLU())
        self.features.add_module("pool2", HalvingPool())
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential()
        self.classifier.add_module("linear1", nn.Linear(c3 * 5 * 5, c5))
        self.classifier.add_module("relu1", nn.ReLU())
        self.classifier.add_module("linear2", nn.Linear(c5, f6))
        self.classifier.add_module("relu2", nn.ReLU())
        self.classifier.add_module("linear3", nn.Linear(f6, classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, side, side) -> (batch, classes)."""
        return self.classifier(self.flatten(self.features(inputs)))
