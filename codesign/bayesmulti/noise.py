"""Which noise acts where while a network is trained: what a specification file says."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from codesign.bayesmulti.error import NoiseError
from codesign.bayesmulti.noises import noise_class, noise_kinds
from codesign.bayesmulti.noises.base import Noise

SITES = ("none", "activation", "weight")


@dataclass(frozen=True)
class NoiseSpec:
    """Which noise acts where while a network is trained: what `spec.json` holds."""

    method: str
    """The method it belongs to, for the record."""
    site: str
    """none | activation | weight."""
    layers: tuple[Noise, ...]
    """One noise a place, in the order of `codesign.models.network.Network.places`."""

    def __post_init__(self) -> None:
        if self.site not in SITES:
            raise NoiseError(f"site must be one of {', '.join(SITES)}, got {self.site!r}")
        if self.site == "none" and self.layers:
            raise NoiseError(f"site none takes no noise, got {len(self.layers)} layers")
        wrong = [layer for layer in self.layers if not isinstance(layer, Noise)]
        if wrong:
            raise NoiseError(f"layers must be noises ({', '.join(noise_kinds())}), got {wrong[0]!r}")

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing: training under it is ordinary training."""
        return all(layer.is_identity for layer in self.layers)

    @property
    def is_plain(self) -> bool:
        """Whether there is no noise at all, which is what ERM trains with."""
        return not self.layers

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


PLAIN = NoiseSpec("erm", "none", ())
"""No noise: what ERM trains with, said without loading its file."""


def _rows(layers: object) -> Sequence[Mapping]:
    if not isinstance(layers, Sequence) or not all(isinstance(row, Mapping) for row in layers):
        raise NoiseError(f"layers must be a list of objects, got {layers!r}")
    return layers


def _noise_from(row: Mapping) -> Noise:
    noise = noise_class(row.get("noise"))
    names = [field.name for field in fields(noise)]
    if set(row) != {"noise", *names}:
        raise NoiseError(f"{noise.kind} noise has the parameters {', '.join(names)}; got {dict(row)}")
    return noise(**{name: row[name] for name in names})
