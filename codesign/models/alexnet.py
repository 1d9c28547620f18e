"""AlexNet in its CIFAR form."""

from torch import Tensor, nn

from codesign.models.sizes import scaled


class AlexNet(nn.Module):
    """Five convolutions and three linear layers; 23,272,266 parameters for CIFAR-10.

    Source:
        Krizhevsky (2014), arXiv 1404.5997 (one-tower AlexNet: 64, 192, 384, 256, 256 channels,
        two layers of 4096), with the kernels of its CIFAR form: 3 x 3 everywhere, stride 2 in
        the first, 2 x 2 pooling after the first, second and fifth. Two things of the ImageNet
        network are left out: local response normalisation, and dropout, because training noise
        is what the compared methods differ by and the network is the same for all of them.
    """

    def __init__(self, *, in_channels: int, image_size: int, classes: int, width: float) -> None:
        super().__init__()
        side = ((image_size + 1) // 2) // 8
        if side < 1:
            raise ValueError(f"alexnet takes images of at least 15 pixels a side, got {image_size}")
        channels = [in_channels, *(scaled(c, width) for c in (64, 192, 384, 256, 256))]
        hidden = scaled(4096, width)
        self.features = nn.Sequential()
        for k in range(1, 6):
            stride = 2 if k == 1 else 1
            self.features.add_module(
                f"conv{k}",
                nn.Conv2d(channels[k - 1], channels[k], kernel_size=3, stride=stride, padding=1),
            )
            self.features.add_module(f"relu{k}", nn.ReLU())
            if k in (1, 2, 5):
                self.features.add_module(f"pool{k}", nn.MaxPool2d(2))
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential()
        self.classifier.add_module("linear1", nn.Linear(channels[-1] * side * side, hidden))
        self.classifier.add_module("relu1", nn.ReLU())
        self.classifier.add_module("linear2", nn.Linear(hidden, hidden))
        self.classifier.add_module("relu2", nn.ReLU())
        self.classifier.add_module("linear3", nn.Linear(hidden, classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, channels, side, side) -> (batch, classes)."""
        return self.classifier(self.flatten(self.features(inputs)))
