"""A network with what is said of it: which parameters are on memristors, where noise acts, what is frozen.

This is the one place that says so. Training noise, the simulator, certificates and the crossbar all
read it from here, so that what is programmed is what was trained with noise.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

SITES = ("none", "activation", "weight")
"""Where training noise acts."""
DIGITAL = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.CrossMapLRN2d,
    nn.LocalResponseNorm,
    nn.PReLU,
    nn.Embedding,
    nn.EmbeddingBag,
)
"""Modules whose weights stay digital: normalisation, activations, tables that are read and not multiplied."""


class NetworkError(ValueError):
    """A network is not what is said of it; the message names the parameter or module."""


@dataclass(frozen=True, eq=False)
class Network:
    """A module, and which of its parts are what."""

    module: nn.Module
    analog: tuple[str, ...]
    """Parameters on memristors, e.g. `layers.linear1.weight`; weight noise acts on the same ones."""
    activation_noise: tuple[str, ...]
    """Modules whose first input is noised where noise acts on activations."""
    frozen: Mapping[str, str] = field(default_factory=dict)
    """Submodule to the sha256 of what it was loaded from: not trained, not programmed, not saved with
    the weights, and pinned beside them."""
    examples_at_once: int = 256
    """Examples in a forward pass where nothing is learnt: as many as memory and cache like."""

    def __post_init__(self) -> None:
        parameters = dict(self.module.named_parameters(remove_duplicate=False))
        modules = dict(self.module.named_modules())
        for what, names, known in (
            ("analog", self.analog, parameters),
            ("activation_noise", self.activation_noise, modules),
            ("frozen", self.frozen, modules),
        ):
            unknown = [name for name in names if name not in known]
            if unknown:
                kind = "parameter" if known is parameters else "module"
                raise NetworkError(
                    f"{what}: the network has no {kind} {unknown[0]!r}; there are {_some(known)}"
                )
            if len(set(names)) != len(names):
                raise NetworkError(f"{what} names something twice: {', '.join(names)}")
        if len({id(parameters[name]) for name in self.analog}) != len(self.analog):
            raise NetworkError(f"analog names one tensor twice: {', '.join(self.analog)}")
        for name in self.analog:
            if not parameters[name].is_floating_point():
                raise NetworkError(f"analog: {name} is not floating point")
            if self.is_frozen(name):
                raise NetworkError(
                    f"analog: {name} is frozen; what is on memristors is programmed and trained"
                )
        for name in self.frozen:
            modules[name].requires_grad_(requires_grad=False)

    def places(self, site: str) -> tuple[str, ...]:
        """What a noise specification has one noise each for: parameters (weight) or modules (activation).

        Raises:
            NetworkError: An unknown site.
        """
        if site not in SITES:
            raise NetworkError(f"site must be {', '.join(SITES[:-1])} or {SITES[-1]}, got {site!r}")
        return {"none": (), "activation": self.activation_noise, "weight": self.analog}[site]

    def is_frozen(self, name: str) -> bool:
        """Whether a parameter, buffer or module lies in a frozen submodule."""
        return _within(name, self.frozen)

    def state(self) -> dict[str, Tensor]:
        """Parameters and buffers that training may change, the objects themselves, by name."""
        state = self.module.state_dict(keep_vars=True)
        return {name: tensor for name, tensor in state.items() if not self.is_frozen(name)}

    def programmable(self) -> list[str]:
        """Every floating-point parameter that is not frozen, in the module's order."""
        return [
            name
            for name, parameter in self.module.named_parameters()
            if parameter.is_floating_point() and not self.is_frozen(name)
        ]

    def train(self) -> None:
        """Training mode; what is frozen stays in evaluation mode."""
        self.module.train()
        for name in self.frozen:
            self.module.get_submodule(name).eval()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode inside the block; afterwards every module has its own mode again."""
        modes = [(part, part.training) for part in self.module.modules()]
        self.module.eval()
        try:
            yield
        finally:
            for part, training in modes:
                part.training = training


def network_of(module: nn.Module, *, frozen: Mapping[str, str] | None = None) -> Network:
    """A network read the usual way.

    On memristors: every weight matrix (`weight_matrices`). Noise on activations: the input of every
    module that holds one, except the first, whose input is data, and of depthwise convolutions, which
    average nothing out (`refuses_noise`). A module with several inputs or branches
    had better say itself which inputs are data: make `Network` directly.

    Raises:
        NetworkError: A module works out its weight from other parameters (weight or spectral norm, pruning):
            what a memristor holds is the product, which is none of the network's parameters.

    Example:
        >>> network = network_of(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)))
        >>> network.analog, network.activation_noise
        (('0.weight', '2.weight'), ('2',))
    """
    frozen = dict(frozen or {})
    for name, part in module.named_modules():
        if _works_out_its_weight(part) and not _within(name, frozen):
            raise NetworkError(
                f"{name or 'the network'} ({type(part).__name__}) works out its weight from other parameters "
                "(a norm or pruning): nothing says what its memristors hold; make the weight a "
                "parameter first (torch.nn.utils.parametrize.remove_parametrizations, prune.remove)"
            )
    analog = tuple(name for name in weight_matrices(module) if not _within(name, frozen))
    owners = list(dict.fromkeys(name.rpartition(".")[0] for name in analog))
    noisy = [name for name in owners[1:] if not refuses_noise(module.get_submodule(name))]
    return Network(module, analog, tuple(noisy), frozen)


def _works_out_its_weight(module: nn.Module) -> bool:
    """Whether the weight is a product of parametrisations, or of torch's older norms and pruning."""
    if is_parametrized(module):
        return True
    own = module._parameters
    return "weight_orig" in own or {"weight_g", "weight_v"} <= own.keys()


def refuses_noise(module: nn.Module) -> bool:
    """Whether noise on the input of this module does only harm: each output of a depthwise convolution
    sees one channel and a few pixels, over which nothing averages out.

    >>> refuses_noise(nn.Conv2d(8, 8, kernel_size=3, groups=8)), refuses_noise(nn.Conv2d(8, 8, kernel_size=3))
    (True, False)
    """
    return isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d) and 1 < module.groups == module.in_channels


def weight_matrices(module: nn.Module) -> Iterable[str]:
    """Names of the parameters that multiply their input, in the module's order.

    Those named weight (`weight_ih_l0`, `in_proj_weight`, `kernel_weight` ... too) with at least two
    dimensions, except those of `DIGITAL` modules. A tensor shared by two modules is named once.
    """
    seen = set()
    for prefix, part in module.named_modules():
        for name, parameter in part.named_parameters(prefix=prefix, recurse=False):
            matrix = "weight" in name.rpartition(".")[2] and parameter.dim() >= 2
            if (
                matrix
                and parameter.is_floating_point()
                and not isinstance(part, DIGITAL)
                and id(parameter) not in seen
            ):
                seen.add(id(parameter))
                yield name


def holders_of(module: nn.Module, parameter: str) -> list[tuple[nn.Module, str]]:
    """The modules that hold a parameter, and its name in each: several where a tensor is shared."""
    tensor = module.get_parameter(parameter)
    return [
        (part, name) for part in module.modules() for name, held in part._parameters.items() if held is tensor
    ]


def put(owner: nn.Module, name: str, value: Tensor) -> None:
    """Make `value` the parameter `name` of its module for the forward passes that follow.

    The module's dictionary keeps its order. Recurrent modules hold a list of their own beside it.
    """
    owner._parameters[name] = value
    names = getattr(owner, "_flat_weights_names", None)
    if names is not None:
        owner._flat_weights = [getattr(owner, each, None) for each in names]


def _within(name: str, submodules: Iterable[str]) -> bool:
    """Whether a parameter, buffer or module is one of the submodules or lies in one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in submodules)


def _some(names: Iterable[str]) -> str:
    found = [name for name in names if name]
    return ", ".join(found[:8]) + (" ..." if len(found) > 8 else "")
