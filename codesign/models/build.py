"""Networks by name, and their weights from a generator."""

import math

import torch
from torch import nn

from codesign.models.alexnet import AlexNet
from codesign.models.lenet import LeNet5
from codesign.models.mlp import MLP
from codesign.models.mobilenet import MobileNetV2
from codesign.models.resnet import BLOCKS, resnet
from codesign.models.resnext import ResNeXt
from codesign.models.sizes import scaled

HIDDEN = {"mlp": (256, 128), "perceptron": (10,)}
"""Hidden layers of the fully connected networks: the digits' and the moons'."""

MODELS = (*HIDDEN, "lenet5", "alexnet", *BLOCKS, "resnext", "mobilenetv2")
"""Every name `build_model` knows."""

FIXED_DEPTH = (*HIDDEN, "lenet5", "alexnet")
"""Networks without repeated blocks; their depth is 1."""


def build_model(
    name: str,
    *,
    classes: int,
    in_channels: int | None = None,
    image_size: int | None = None,
    features: int | None = None,
    width: float = 1.0,
    depth: float = 1.0,
) -> nn.Module:
    """Make the network `name`; nothing is drawn.

    Its parameters are NaN until `initialise` or `load_state_dict` gives them values, so that a
    network used too early says so in its first output.

    Args:
        name: One of `MODELS`.
        classes: Number of outputs.
        in_channels: Channels of the images; not for fully connected networks.
        image_size: Pixels a side of the images; not for fully connected networks.
        features: Values of an input; for fully connected networks, which flatten images.
        width: Factor on every hidden layer's channels; 1 is the published network.
        depth: Factor on every stage's number of blocks; 1 is the published network.

    Raises:
        ValueError: Unknown name, or sizes that are missing or not the network's.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; known: {', '.join(MODELS)}")
    if name in FIXED_DEPTH and depth != 1:
        raise ValueError(f"{name} has no repeated blocks: depth must be 1, got {depth}")
    if classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes}")
    if name in HIDDEN:
        given = {"features": features}
    else:
        given = {"in_channels": in_channels, "image_size": image_size}
    missing = [key for key, value in given.items() if value is None or value < 1]
    if missing:
        raise ValueError(f"{name} needs {', '.join(missing)}, each at least 1")
    with torch.device("meta"):  # shapes only: the default initialisation would use the global generator
        model = _network(name, classes=classes, width=width, depth=depth, **given)
    model.to_empty(device="cpu")
    _blank(model)
    return model


def _network(
    name: str,
    *,
    classes: int,
    width: float,
    depth: float,
    features: int = 0,
    in_channels: int = 0,
    image_size: int = 0,
) -> nn.Module:
    if name in HIDDEN:
        hidden = [scaled(size, width) for size in HIDDEN[name]]
        return MLP(features=features, hidden=hidden, classes=classes)
    if name == "lenet5":
        return LeNet5(in_channels=in_channels, image_size=image_size, classes=classes, width=width)
    if name == "alexnet":
        return AlexNet(in_channels=in_channels, image_size=image_size, classes=classes, width=width)
    if name in BLOCKS:
        return resnet(name, in_channels=in_channels, classes=classes, width=width, depth=depth)
    network = ResNeXt if name == "resnext" else MobileNetV2
    return network(in_channels=in_channels, classes=classes, width=width, depth=depth)


def _blank(model: nn.Module) -> None:
    """NaN in every parameter, statistics of normalisation layers at their start."""
    for parameter in model.parameters():
        nn.init.constant_(parameter, math.nan)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()


def initialise(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """Give every parameter its starting value, drawn from `generator` alone.

    Weights of convolutions and linear layers are normal with variance 2 / fan-in, the last
    layer's 1 / fan-in because no rectifier follows; biases are 0, normalisation layers 1 and 0.

    Returns:
        The same `model`.

    Raises:
        TypeError: A module with parameters of its own is of none of these kinds.

    Source:
        He, Zhang, Ren, Sun (2015), arXiv 1502.01852, Eq. 10.
    """
    layers = [m for m in model.modules() if list(m.parameters(recurse=False))]
    last = [m for m in layers if isinstance(m, nn.Linear)][-1:]
    for module in layers:
        if isinstance(module, nn.Linear | nn.Conv2d):
            fan_in = module.weight[0].numel()
            gain = 1.0 if module in last else 2.0
            nn.init.normal_(module.weight, std=math.sqrt(gain / fan_in), generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
            module.reset_running_stats()
        else:
            raise TypeError(f"no starting values are known for {type(module).__name__}")
    return model
