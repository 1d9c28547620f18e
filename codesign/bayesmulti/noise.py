"""Noise that training multiplies or adds, one small frozen class a kind.

A noise turns a tensor and a generator into the noisy tensor and holds no state. The
discrete kinds compare 16 random bits a component with thresholds, about five times
faster on a CPU than a float uniform: probabilities are rounded to 1 / 65536, and the
factor is divided by its mean at the *rounded* probabilities, so it stays unbiased.

Source: multinomial noise, paper Eq. 1; dropout rates found by search, Ye et al.
(BayesFT, DAC 2021); Gaussian weight noise, Joshi et al., Nat. Commun. 11, 2473 (2020);
log-normal weight noise, paper Eq. 7.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import ClassVar

import torch

LEVELS = 65536
"""Values of 16 random bits."""
LARGEST_SUM = 0.999
"""Largest total probability below 1 that still keeps some signal."""


class NoiseError(ValueError):
    """A noise or its place is not possible; the message names the value and the remedy."""


def _random_bits(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Uniform 16-bit integers, -32768 ... 32767, in the shape of `like`."""
    count = like.numel()
    words = torch.empty((count + 3) // 4, dtype=torch.int64, device=like.device)
    words.random_(-(2**63), None, generator=generator)
    return words.view(torch.int16)[:count].view(like.shape)


def _reaches(bits: torch.Tensor, probability: float, like: torch.Tensor) -> torch.Tensor:
    """1 where the component's uniform is at least `probability`, else 0, in the dtype of `like`."""
    threshold = round(probability * LEVELS) - LEVELS // 2
    return torch.ge(bits, threshold, out=torch.empty(like.shape, dtype=like.dtype, device=like.device))


def _rounded(probability: float) -> float:
    return round(probability * LEVELS) / LEVELS


def _check_probability(kind: str, name: str, value: float, *, below: float) -> None:
    if not (isinstance(value, int | float) and 0 <= value <= below):
        raise NoiseError(f"{kind}: {name} must lie in 0 ... {below:g}, got {value!r}")


def _check_width(kind: str, name: str, value: float) -> None:
    if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
        raise NoiseError(f"{kind}: {name} must be finite and at least 0, got {value!r}")


@dataclass(frozen=True)
class MultinomialNoise:
    """x * eta / E[eta], eta = 0 with `p_zero`, 1/2 with `p_half`, else 1; independent components."""

    p_zero: float
    p_half: float
    kind: ClassVar[str] = "multinomial"

    def __post_init__(self) -> None:
        _check_probability(self.kind, "p_zero", self.p_zero, below=LARGEST_SUM)
        _check_probability(self.kind, "p_half", self.p_half, below=LARGEST_SUM)
        _check_probability(self.kind, "p_zero + p_half", self.p_zero + self.p_half, below=LARGEST_SUM)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.p_zero == 0 and self.p_half == 0

    def factor(self, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Independent factors of mean 1 in the shape, dtype and device of `like`."""
        bits = _random_bits(like, generator)
        both = self.p_zero + self.p_half
        factor = _reaches(bits, self.p_zero, like).add_(_reaches(bits, both, like))
        # the sum counts halves: its mean is twice E[eta]
        return factor.mul_(1.0 / (2.0 - _rounded(self.p_zero) - _rounded(both)))

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return x * self.factor(x, generator)


@dataclass(frozen=True)
class DropoutNoise:
    """x * eta / E[eta], eta = 0 with `rate`, else 1; independent components."""

    rate: float
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        _check_probability(self.kind, "rate", self.rate, below=LARGEST_SUM)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.rate == 0

    def factor(self, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Independent factors of mean 1 in the shape, dtype and device of `like`."""
        bits = _random_bits(like, generator)
        return _reaches(bits, self.rate, like).mul_(1.0 / (1.0 - _rounded(self.rate)))

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return x * self.factor(x, generator)


@dataclass(frozen=True)
class GaussianNoise:
    """x + std * max|x| * z, z ~ N(0, 1); the scale counts as a constant in the gradient (Joshi et al.)."""

    std: float
    """Standard deviation relative to the largest magnitude of the tensor."""
    kind: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        _check_width(self.kind, "std", self.std)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.std == 0

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        z = torch.empty_like(x, requires_grad=False).normal_(generator=generator)
        return x + z.mul_(self.std * x.detach().abs().amax())


@dataclass(frozen=True)
class LognormalNoise:
    """x * exp(sigma z), z ~ N(0, 1): the memristor's own disturbance, and like it of mean above 1."""

    sigma: float
    kind: ClassVar[str] = "lognormal"

    def __post_init__(self) -> None:
        _check_width(self.kind, "sigma", self.sigma)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.sigma == 0

    def factor(self, like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Independent factors of median 1 in the shape, dtype and device of `like`."""
        z = torch.empty_like(like, requires_grad=False).normal_(generator=generator)
        return z.mul_(self.sigma).exp_()

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return x * self.factor(x, generator)


Noise = MultinomialNoise | DropoutNoise | GaussianNoise | LognormalNoise
KINDS = {cls.kind: cls for cls in (MultinomialNoise, DropoutNoise, GaussianNoise, LognormalNoise)}
SITES = ("none", "activation", "weight")


@dataclass(frozen=True)
class NoiseSpec:
    """Which noise acts where while a network is trained: what `spec.json` holds."""

    method: str
    """The method it belongs to, for the record."""
    site: str
    """none | activation | weight."""
    layers: tuple[Noise, ...]
    """One noise a noisy layer, in the order of `codesign.bayesmulti.injection.noise_layers`."""

    def __post_init__(self) -> None:
        if self.site not in SITES:
            raise NoiseError(f"site must be one of {', '.join(SITES)}, got {self.site!r}")
        if self.site == "none" and self.layers:
            raise NoiseError(f"site none takes no noise, got {len(self.layers)} layers")
        wrong = [layer for layer in self.layers if not isinstance(layer, Noise)]
        if wrong:
            raise NoiseError(f"layers must be noises ({', '.join(KINDS)}), got {wrong[0]!r}")

    def to_json(self) -> dict:
        """A JSON object that `from_json` turns back into an equal specification."""
        layers = [{"noise": layer.kind, **asdict(layer)} for layer in self.layers]
        return {"method": self.method, "site": self.site, "layers": layers}

    @classmethod
    def from_json(cls, found: Mapping) -> "NoiseSpec":
        """The specification a JSON object describes.

        Raises:
            NoiseError: A key is missing or unknown, or a value is out of range.
        """
        if set(found) != {"method", "site", "layers"}:
            raise NoiseError(f"a specification has the keys method, site, layers; got {', '.join(found)}")
        return cls(found["method"], found["site"], tuple(_noise_from(row) for row in _rows(found["layers"])))


def _rows(layers: object) -> Sequence[Mapping]:
    if not isinstance(layers, Sequence) or not all(isinstance(row, Mapping) for row in layers):
        raise NoiseError(f"layers must be a list of objects, got {layers!r}")
    return layers


def _noise_from(row: Mapping) -> Noise:
    kind = row.get("noise")
    if kind not in KINDS:
        raise NoiseError(f"noise must be one of {', '.join(KINDS)}, got {kind!r}")
    names = [field.name for field in fields(KINDS[kind])]
    if set(row) != {"noise", *names}:
        raise NoiseError(f"{kind} noise has the parameters {', '.join(names)}; got {dict(row)}")
    return KINDS[kind](**{name: row[name] for name in names})
