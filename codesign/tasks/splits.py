"""Splits by class, normalisation and augmentation."""

from collections.abc import Callable

import torch
from torch import Tensor

from codesign.seeds import derived_seed
from codesign.tasks.contract import DataSettings, DataSource

Part = tuple[Tensor, Tensor, DataSource]
"""Inputs, classes, source."""
Reader = Callable[[str, DataSettings], Part]
"""`fit` or `test`, and settings, to inputs as they are, classes and source."""


def fitting_parts(read: Reader, settings: DataSettings, *, stream: tuple[str, str]) -> tuple[Part, Part]:
    """Training and validation examples; `read` is asked for `fit` alone.

    Args:
        read: Reads one part of the data set.
        settings: `train_size` among its options takes that many; fraction held out and seed.
        stream: Names the draws that divide the fitting examples: the task, and a word.
    """
    inputs, targets, source = read("fit", settings)
    train, validation = _divided(targets, settings, stream)
    moments = statistics(inputs[train])
    return tuple((normalised(inputs[part], moments), targets[part], source) for part in (train, validation))


def testing_part(read: Reader, settings: DataSettings, *, stream: tuple[str, str]) -> Part:
    """Test examples, normalised with the statistics of the training examples; arguments as above.

    `test_size` among the options takes that many.
    """
    inputs, targets, _ = read("fit", settings)
    moments = statistics(inputs[_divided(targets, settings, stream)[0]])
    inputs, targets, source = read("test", settings)
    size = settings.options.get("test_size")
    if size is not None and size != len(targets):
        generator = torch.Generator().manual_seed(derived_seed(settings.seed, stream[0], "test"))
        chosen = stratified(targets, size, generator=generator)
        inputs, targets = inputs[chosen], targets[chosen]
    return normalised(inputs, moments), targets, source


def _divided(targets: Tensor, settings: DataSettings, stream: tuple[str, str]) -> tuple[Tensor, Tensor]:
    return divide(
        targets,
        validation_fraction=settings.validation_fraction,
        train_size=settings.options.get("train_size"),
        generator=torch.Generator().manual_seed(derived_seed(settings.seed, *stream)),
    )


def stratified(targets: Tensor, size: int, *, generator: torch.Generator) -> Tensor:
    """Indices of `size` examples, as evenly from each class as that class's share allows.

    Shares are rounded by largest remainder; the indices come in ascending order.

    Raises:
        ValueError: More examples are asked for than there are.
    """
    if not 1 <= size <= len(targets):
        raise ValueError(f"{size} examples asked for, {len(targets)} there")
    counts = torch.bincount(targets)
    share = counts.double() * size / len(targets)
    take = share.floor().long()
    rest = size - int(take.sum())
    take[torch.argsort(take - share, stable=True)[:rest]] += 1
    chosen = []
    for label, number in enumerate(take.tolist()):
        members = torch.nonzero(targets == label)[:, 0]
        chosen.append(members[torch.randperm(len(members), generator=generator)[:number]])
    return torch.cat(chosen).sort().values


def divide(
    targets: Tensor, *, validation_fraction: float, train_size: int | None, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Indices of training and validation examples, disjoint and each spread over the classes.

    Validation is drawn first, so that it is the same whatever `train_size` is.

    Raises:
        ValueError: Fewer training examples are left than `train_size`.
    """
    validation = stratified(targets, max(1, round(len(targets) * validation_fraction)), generator=generator)
    left = torch.ones(len(targets), dtype=torch.bool)
    left[validation] = False
    training = torch.nonzero(left)[:, 0]
    if train_size is not None:
        if train_size > len(training):
            raise ValueError(
                f"train_size {train_size} is more than the {len(training)} examples left beside validation"
            )
        training = training[stratified(targets[training], train_size, generator=generator)]
    return training, validation


def statistics(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel (or feature), over examples and pixels.

    Bytes are counted, so that their statistics are exact and the same on every machine.

    Raises:
        ValueError: A channel is constant and cannot be normalised.
    """
    over = [axis for axis in range(inputs.ndim) if axis != 1]
    if inputs.dtype == torch.uint8:
        counts = torch.stack([torch.bincount(c.reshape(-1), minlength=256) for c in inputs.unbind(1)])
        share = counts.double() / counts.sum(dim=1, keepdim=True)  # (channels, 256)
        values = torch.arange(256, dtype=torch.float64)
        mean = (share * values).sum(dim=1)
        std = (share * (values - mean[:, None]) ** 2).sum(dim=1).sqrt()
        shape = [-1 if axis == 1 else 1 for axis in range(inputs.ndim)]
        mean, std = mean.reshape(shape), std.reshape(shape)
    else:
        mean = inputs.double().mean(dim=over, keepdim=True)
        std = inputs.double().std(dim=over, keepdim=True, correction=0)
    if not (std > 0).all():
        raise ValueError("a channel of the training inputs is constant")
    return mean.float(), std.float()


def normalised(inputs: Tensor, moments: tuple[Tensor, Tensor]) -> Tensor:
    """(inputs - mean) / std, per channel, as new float32 numbers."""
    mean, std = moments
    return inputs.to(torch.float32, copy=True).sub_(mean).div_(std)


def crop_and_flip(inputs: Tensor, *, padding: int, generator: torch.Generator) -> Tensor:
    """Each image shifted by up to `padding` pixels either way and mirrored with probability 1/2.

    What comes in from outside is 0, the channel's mean in normalised images.

    Args:
        inputs: (n, channels, height, width).
        padding: Largest shift, in pixels.
        generator: On the CPU, whatever the device of `inputs`.

    Returns:
        Same shape and device.

    Source:
        He, Zhang, Ren, Sun (2016), arXiv 1512.03385, Sect. 4.2 (4 pixels on each side).
    """
    n, _, height, width = inputs.shape
    down, right = torch.randint(0, 2 * padding + 1, (2, n), generator=generator)
    flip = torch.randint(0, 2, (n, 1), generator=generator).bool()
    columns = torch.arange(width).expand(n, width)
    columns = torch.where(flip, columns.flip(1), columns) + right[:, None]
    rows = torch.arange(height) + down[:, None]
    padded = torch.nn.functional.pad(inputs, [padding] * 4).permute(0, 2, 3, 1)
    device = inputs.device
    image = torch.arange(n, device=device)[:, None, None]
    chosen = padded[image, rows.to(device)[:, :, None], columns.to(device)[:, None, :]]
    return chosen.permute(0, 3, 1, 2).contiguous()  # (n, h, w, channels) -> (n, channels, h, w)
