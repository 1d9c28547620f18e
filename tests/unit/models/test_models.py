"""The networks against the published architectures."""

import math

import pytest
import torch
from torch import nn

from codesign.models.build import HIDDEN, MODELS, build_model, initialise
from codesign.models.lenet import HalvingPool
from codesign.models.mobilenet import multiple_of_eight
from codesign.models.resnet import shortcut


def conv(inputs, outputs, side, *, groups=1, bias=0):
    return inputs // groups * outputs * side * side + bias * outputs


def linear(inputs, outputs):
    return (inputs + 1) * outputs


def norm(channels):
    return 2 * channels


def resnet_parameters(blocks, *, bottleneck, stem=64):
    """He et al. 2016, Table 1, CIFAR stem: summed by hand from the table."""
    total, inputs = conv(3, stem, 3) + norm(stem), stem
    for planes, number in zip((stem, 2 * stem, 4 * stem, 8 * stem), blocks, strict=True):
        outputs = 4 * planes if bottleneck else planes
        for n in range(number):
            if bottleneck:
                total += conv(inputs, planes, 1) + conv(planes, planes, 3) + conv(planes, outputs, 1)
                total += 2 * norm(planes) + norm(outputs)
            else:
                total += conv(inputs, planes, 3) + conv(planes, planes, 3) + 2 * norm(planes)
            if n == 0 and inputs != outputs:
                total += conv(inputs, outputs, 1) + norm(outputs)
            inputs = outputs
    return total + linear(inputs, 10)


def resnext_parameters():
    """Xie et al. 2017, Sect. 5.3: 29 layers, 8 groups of 64, doubling."""
    total, inputs = conv(3, 64, 3) + norm(64), 64
    for inner, outputs in ((512, 256), (1024, 512), (2048, 1024)):
        for n in range(3):
            total += conv(inputs, inner, 1) + conv(inner, inner, 3, groups=8) + conv(inner, outputs, 1)
            total += 2 * norm(inner) + norm(outputs)
            total += conv(inputs, outputs, 1) + norm(outputs) if n == 0 else 0
            inputs = outputs
    return total + linear(1024, 10)


def mobilenet_parameters(classes):
    """Sandler et al. 2018, Table 2."""
    total, inputs = conv(3, 32, 3) + norm(32), 32
    table = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
    for expansion, outputs, number in table:
        for _ in range(number):
            inner = expansion * inputs
            total += conv(inputs, inner, 1) + norm(inner) if expansion > 1 else 0
            total += 9 * inner + norm(inner) + conv(inner, outputs, 1) + norm(outputs)
            inputs = outputs
    return total + conv(320, 1280, 1) + norm(1280) + linear(1280, classes)


EXPECTED = {
    "mlp": (235_146, linear(784, 256) + linear(256, 128) + linear(128, 10)),
    "perceptron": (52, linear(2, 10) + linear(10, 2)),
    "lenet5": (
        61_706,
        conv(1, 6, 5, bias=1) + conv(6, 16, 5, bias=1) + linear(400, 120) + linear(120, 84) + linear(84, 10),
    ),
    "alexnet": (
        23_272_266,
        conv(3, 64, 3, bias=1)
        + conv(64, 192, 3, bias=1)
        + conv(192, 384, 3, bias=1)
        + conv(384, 256, 3, bias=1)
        + conv(256, 256, 3, bias=1)
        + linear(256 * 2 * 2, 4096)
        + linear(4096, 4096)
        + linear(4096, 10),
    ),
    "resnet18": (11_173_962, resnet_parameters((2, 2, 2, 2), bottleneck=False)),
    "resnet50": (23_520_842, resnet_parameters((3, 4, 6, 3), bottleneck=True)),
    "resnet101": (42_512_970, resnet_parameters((3, 4, 23, 3), bottleneck=True)),
    "resnext": (34_426_698, resnext_parameters()),
    "mobilenetv2": (2_236_682, mobilenet_parameters(10)),
}
"""Known count and the sum worked out from the publication's table."""


def sizes(name):
    if name == "perceptron":
        return {"classes": 2, "features": 2}
    if name == "mlp":
        return {"classes": 10, "features": 784}
    if name == "lenet5":
        return {"classes": 10, "in_channels": 1, "image_size": 28}
    return {"classes": 10, "in_channels": 3, "image_size": 32}


def example(name, number=2):
    given = sizes(name)
    shape = (given["features"],) if name in HIDDEN else (given["in_channels"], *[given["image_size"]] * 2)
    return torch.randn(number, *shape, generator=torch.Generator().manual_seed(5))


def made(name, seed=1, **scale):
    return initialise(build_model(name, **sizes(name), **scale), torch.Generator().manual_seed(seed))


def parameters(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_the_published_number(name):
    """Known counts (LeNet-5: LeCun 1998; the CIFAR forms of ResNet and AlexNet as commonly
    published; ResNeXt-29 8x64d: 34.4 M, Xie et al. 2017, Table 7), each also summed by hand."""
    known, by_hand = EXPECTED[name]
    assert parameters(build_model(name, **sizes(name))) == known == by_hand


def test_mobilenet_has_the_imagenet_network_size_for_a_thousand_classes():
    """3.4 M in the publication, 3,504,872 in the usual reimplementation: strides carry no weights."""
    model = build_model("mobilenetv2", classes=1000, in_channels=3, image_size=32)
    assert parameters(model) == mobilenet_parameters(1000) == 3_504_872


@pytest.mark.parametrize("name", [n for n in MODELS if n != "resnet101"])
def test_a_batch_gives_one_finite_row_of_logits_each(name):
    """ResNet-101 differs from ResNet-50 by its number of blocks alone."""
    with torch.no_grad():
        logits = made(name).train()(example(name))
    assert logits.shape == (2, sizes(name)["classes"])
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(
    ("name", "modules", "maps"),
    [
        pytest.param("resnet18", "stages", [(64, 32), (128, 16), (256, 8), (512, 4)], id="resnet18"),
        pytest.param("resnet50", "stages", [(256, 32), (512, 16), (1024, 8), (2048, 4)], id="resnet50"),
        pytest.param("resnext", "stages", [(256, 32), (512, 16), (1024, 8)], id="resnext"),
        pytest.param(
            "mobilenetv2",
            "stages",
            [(16, 32), (24, 32), (32, 16), (64, 8), (96, 8), (160, 4), (320, 4)],
            id="mobilenetv2",
        ),
    ],
)
def test_stages_have_the_published_channels_and_resolutions(name, modules, maps):
    """Channels and side of each stage's output for 32 x 32 images."""
    found = []
    model = made(name)
    for stage in getattr(model, modules):
        stage.register_forward_hook(lambda _m, _a, out: found.append((out.shape[1], out.shape[2])))
    with torch.no_grad():
        model(example(name))
    assert found == maps


@pytest.mark.parametrize("size", [28, 32])
def test_lenet_sees_a_field_of_32_pixels(size):
    """Padding makes the first maps 28 x 28 either way, as in the publication's Fig. 2."""
    model = build_model("lenet5", classes=10, in_channels=1, image_size=size)
    assert model.features.conv1(torch.zeros(1, 1, size, size)).shape == (1, 6, 28, 28)


def test_a_network_used_before_it_has_weights_says_so():
    """Parameters are NaN, so no output is mistaken for a result."""
    model = build_model("mlp", classes=10, features=784)
    assert torch.isnan(model(torch.zeros(1, 784))).all()


@pytest.mark.parametrize("name", ["mlp", "resnet18"])
def test_weights_come_from_the_generator_alone(name):
    """Equal seeds give equal weights, other seeds others, and the global generator stays."""
    before = torch.get_rng_state()
    first, again, other = made(name, width=0.25), made(name, width=0.25), made(name, seed=2, width=0.25)
    assert torch.equal(torch.get_rng_state(), before)
    for key, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_starting_weights_have_the_variance_of_he():
    """2 / fan-in before a rectifier, 1 / fan-in at the output; within four standard errors."""
    model = made("mlp")
    for layer, gain in ((model.layers.linear1, 2), (model.layers.linear3, 1)):
        n = layer.weight.numel()
        expected = gain / layer.in_features
        assert float(layer.weight.detach().double().pow(2).mean()) == pytest.approx(
            expected, rel=4 * math.sqrt(2 / n)
        )
        assert not layer.bias.any()


@pytest.mark.parametrize("name", MODELS)
def test_narrow_networks_train_every_parameter(name):
    """Width an eighth, fewest blocks: each parameter gets a gradient, and none is empty."""
    fixed = name in (*HIDDEN, "lenet5", "alexnet")
    model = made(name, width=0.125, depth=1 if fixed else 0.25).train()
    inputs = example(name, 8)
    model(inputs).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert parameters(model) < parameters(build_model(name, **sizes(name)))


def test_width_and_depth_scale_as_written_out_by_hand():
    """ResNet-18 of half the width and half the depth."""
    model = build_model("resnet18", **sizes("resnet18"), width=0.5, depth=0.5)
    assert parameters(model) == resnet_parameters((1, 1, 1, 1), bottleneck=False, stem=32)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(32, 32), (24 * 0.5, 16), (1280 * 0.35, 448), (16 * 0.35, 8), (96 * 0.35, 32), (320 * 0.75, 240)],
)
def test_mobilenet_channels_are_multiples_of_eight(channels, expected):
    """Values of the published multipliers, and never more than a tenth lost."""
    assert multiple_of_eight(channels) == expected >= 0.9 * channels


@pytest.mark.parametrize("name", MODELS)
def test_activations_are_modules_used_once(name):
    """Noise goes in by module name, so each nonlinearity stands alone and none works in place."""
    model = made(name, **({} if name in HIDDEN else {"width": 0.125}))
    activations = [m for m in model.modules() if isinstance(m, nn.ReLU | nn.ReLU6)]
    calls = []
    for module in activations:
        assert not module.inplace
        module.register_forward_hook(lambda m, _a, _o: calls.append(id(m)))
    with torch.no_grad():
        model(example(name))
    assert sorted(calls) == sorted(id(m) for m in activations)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param({"name": "vgg", "classes": 10}, "unknown model 'vgg'.*resnet18", id="unknown"),
        pytest.param({"name": "mlp", "classes": 10}, "needs features", id="no-features"),
        pytest.param({"name": "lenet5", "classes": 10, "in_channels": 1}, "needs image_size", id="no-size"),
        pytest.param(
            {"name": "lenet5", "classes": 10, "in_channels": 1, "image_size": 8}, "28 or 32", id="lenet-8"
        ),
        pytest.param(
            {"name": "alexnet", "classes": 10, "in_channels": 3, "image_size": 8},
            "at least 15",
            id="alexnet-8",
        ),
        pytest.param(
            {"name": "mlp", "classes": 10, "features": 4, "depth": 2}, "depth must be 1", id="depth"
        ),
        pytest.param({"name": "mlp", "classes": 10, "features": 4, "width": 0}, "width must be", id="width"),
        pytest.param({"name": "mlp", "classes": 1, "features": 4}, "classes must be", id="classes"),
        pytest.param(
            {"name": "resnet18", "classes": 10, "in_channels": 3, "image_size": 32, "depth": -1},
            "depth must be positive",
            id="negative-depth",
        ),
    ],
)
def test_sizes_that_make_no_network_are_refused(arguments, words):
    """The message says which argument and what it may be."""
    with pytest.raises(ValueError, match=words):
        build_model(arguments.pop("name"), **arguments)


def test_a_projection_takes_every_second_pixel_as_a_strided_convolution_does():
    """The published form of the shortcut; the order of subsampling and projection is free."""
    projection = initialise(shortcut(3, 5, stride=2), torch.Generator().manual_seed(0)).eval()
    images = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(1))
    strided = torch.nn.functional.conv2d(images, projection.conv.weight, stride=2)
    torch.testing.assert_close(projection.conv(projection.subsample(images)), strided)


@pytest.mark.parametrize("name", MODELS)
def test_no_network_has_a_strided_convolution_of_one_pixel(name):
    """Its weight gradient in channels-last order corrupts memory (torch 2.13, CPU); see `shortcut`."""
    model = build_model(name, **sizes(name))
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert not [m for m in convolutions if m.kernel_size == (1, 1) and m.stride != (1, 1)]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(3, 6, 28, 28), (2, 5, 7, 10), (1, 1, 2, 2)])
def test_lenets_pooling_is_the_usual_one_with_and_without_gradients(shape, layout):
    """Values bit for bit, no number where there was none, and the gradients."""
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    inputs[0, 0, 0, 0] = float("nan")
    inputs = inputs.to(memory_format=layout)
    usual = nn.MaxPool2d(2)(inputs)
    with torch.no_grad():
        found = HalvingPool()(inputs)
    assert torch.equal(found.nan_to_num(9e9), usual.nan_to_num(9e9)) and found.isnan().any()
    assert found.is_contiguous(memory_format=layout)
    inputs = inputs.nan_to_num().requires_grad_()
    (slope,) = torch.autograd.grad(HalvingPool()(inputs).sum(), inputs)
    assert torch.equal(slope, torch.autograd.grad(nn.MaxPool2d(2)(inputs).sum(), inputs)[0])
