"""Splits by class, normalisation and augmentation."""

from collections.abc import Callable

import torch
from torch import Tensor

from codesign.seeds import derived_seed
from codesign.tasks.task import DataSettings, Origin, Split

Reader = Callable[[str, DataSettings], tuple[Tensor, Tensor, Origin]]
"""`train` or `test`, and settings, to images, labels and origin."""


def fitting_splits(read: Reader, settings: DataSettings, *, task: str) -> tuple[Split, Split]:
    """Training and validation examples; `read` is asked for `train` alone.

    Args:
        read: Reads one part of the data set.
        settings: Sizes and seed.
        task: Names the stream that examples are chosen with.
    """
    images, targets, origin = read("train", settings)
    train, validation = _divided(targets, settings, task)
    moments = statistics(images[train])
    return (
        Split(normalised(images[train], moments), targets[train], origin),
        Split(normalised(images[validation], moments), targets[validation], origin),
    )


def testing_split(read: Reader, settings: DataSettings, *, task: str) -> Split:
    """Test examples, normalised with the statistics of the training examples; arguments as above."""
    images, targets, _ = read("train", settings)
    moments = statistics(images[_divided(targets, settings, task)[0]])
    images, targets, origin = read("test", settings)
    if settings.test_size is not None:
        generator = torch.Generator().manual_seed(derived_seed(settings.seed, task, "test"))
        chosen = stratified(targets, settings.test_size, generator=generator)
        images, targets = images[chosen], targets[chosen]
    return Split(normalised(images, moments), targets, origin)


def _divided(targets: Tensor, settings: DataSettings, task: str) -> tuple[Tensor, Tensor]:
    return divide(
        targets,
        validation_fraction=settings.validation_fraction,
        train_size=settings.train_size,
        generator=torch.Generator().manual_seed(derived_seed(settings.seed, task, "fit")),
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
