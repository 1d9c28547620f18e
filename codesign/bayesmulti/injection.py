"""Noise in an unchanged model, by layer name, for as long as a `with` block lasts.

Weight layers are linear and convolution modules. Two sites:

* `weight`: each forward pass of a weight layer sees one noisy draw of its weight; the
  parameter itself keeps its identity, place and value, so optimisers, checkpoints and
  `state_dict` notice nothing, between forward passes not even inside the block.
* `activation`: every weight layer except the first reads a noisy copy of its input.
  That is "after every layer except the last" at the place where it is unbiased: after
  the nonlinearity *and* after pooling or normalisation, right before the numbers meet
  the next weights, so E[W (x * eta) + b] = W x + b exactly. The factors are >= 0 and
  so commute with ReLU: in a chain of linear layers and ReLUs it makes no difference
  whether they act before or after the nonlinearity. They do not commute with a maximum
  over neighbours (E max > max E) or with batch statistics, which is why they come last.
  A residual sum stays clean and every branch draws its own noise, as every branch has
  its own memristors.

Noise acts in training mode only (`when="training"`), or in every forward pass
(`when="always"`), which is how a smoothed network is sampled for a certificate.
"""

import warnings
from collections.abc import Callable, Sequence
from types import TracebackType

import torch
from torch import nn

from codesign.bayesmulti.noise import NoiseError, NoiseSpec

Draw = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
WEIGHT_LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def noise_layers(model: nn.Module, site: str = "weight") -> list[str]:
    """Names of the layers where noise of a site acts, in the order they were registered.

    Registration is forward order in the networks here; where it is not, or where a
    second input should stay clean, pass the names to `Injection` instead.

    Args:
        model: Any module; a layer registered twice is named once.
        site: `weight`: every weight layer; `activation`: all but the first, whose
            input is data; `none`: no layer.
    """
    names = [name for name, module in model.named_modules() if isinstance(module, WEIGHT_LAYERS)]
    if site == "none":
        return []
    if site not in ("weight", "activation"):
        raise NoiseError(f"site must be none, activation or weight, got {site!r}")
    return names[1:] if site == "activation" else names


class Injection:
    """Context manager: inside the block the model trains under `spec`; afterwards nothing is left.

    It holds no random state but the generator it is given, so a run resumes by
    restoring that generator's state. One object can be entered again, not twice at once.
    """

    def __init__(
        self,
        model: nn.Module,
        spec: NoiseSpec,
        generator: torch.Generator,
        *,
        when: str = "training",
        layers: Sequence[str] | None = None,
    ) -> None:
        """Check that the specification fits the model; touches nothing yet.

        Args:
            model: The network, left as it is.
            spec: One noise a layer.
            generator: Draws the noise, on the device of the network.
            when: `training` | `always`.
            layers: Names of the noisy layers; by default `noise_layers(model, spec.site)`.

        Raises:
            NoiseError: The number of layers differs, a name is unknown or no weight layer.
        """
        if when not in ("training", "always"):
            raise NoiseError(f"when must be training or always, got {when!r}")
        names = noise_layers(model, spec.site) if layers is None else list(layers)
        modules = dict(model.named_modules())
        unfit = [n for n in names if not isinstance(modules.get(n), WEIGHT_LAYERS)]
        if unfit:
            known = ", ".join(noise_layers(model))
            raise NoiseError(f"{unfit[0]!r} is no weight layer of the model; there are {known}")
        if len(set(names)) != len(names):
            raise NoiseError(f"a layer is named twice in {names}")
        if spec.site != "none" and len(names) != len(spec.layers):
            raise NoiseError(
                f"{spec.method} has {len(spec.layers)} noises for {len(names)} {spec.site} layers "
                f"({', '.join(names)}); make the specification with n_layers={len(names)}"
            )
        self.spec = spec
        self.generator = generator
        self._always = when == "always"
        self._places = [
            (name, modules[name], noise)
            for name, noise in zip(names, spec.layers, strict=False)
            if not noise.is_identity
        ]
        self._handles: list[torch.utils.hooks.RemovableHandle] = []
        self._swapped: dict[nn.Module, list[nn.Parameter]] = {}
        self._reached: set[str] = set()
        self._entered = False

    def __enter__(self) -> "Injection":
        if self._entered:
            raise NoiseError("this injection is active already; leave its block before entering it again")
        self._entered = True
        self._reached.clear()
        for name, module, kind in self._places:
            # torch.compile keeps no generator and no view of bits: it leaves the draw as it is
            noise = torch.compiler.disable(kind.__call__)
            if self.spec.site == "activation":
                self._handles.append(module.register_forward_pre_hook(self._noisy_input(name, noise)))
            else:
                self._handles.append(module.register_forward_pre_hook(self._noisy_weight(name, noise)))
                # innermost first, so that nested injections give back in reverse order; on errors too
                self._handles.append(
                    module.register_forward_hook(self._clean_weight, prepend=True, always_call=True)
                )
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        # an interrupt in the middle of a forward pass leaves weights to give back
        for module, originals in self._swapped.items():
            if originals:
                module._parameters["weight"] = originals[0]
        self._swapped.clear()
        self._entered = False
        missed = [name for name, _, _ in self._places if name not in self._reached]
        if error is None and self._reached and missed:
            warnings.warn(
                f"no noise in {', '.join(missed)}: the forward pass does not call these layers as modules; "
                "name the layers that should be noisy",
                RuntimeWarning,
                stacklevel=2,
            )

    def _active(self, module: nn.Module) -> bool:
        return self._always or module.training

    def _noisy_input(self, name: str, noise: Draw) -> Callable:
        def hook(module: nn.Module, inputs: tuple) -> tuple | None:
            if not self._active(module):
                return None
            self._reached.add(name)
            return (noise(inputs[0], self.generator), *inputs[1:])

        return hook

    def _noisy_weight(self, name: str, noise: Draw) -> Callable:
        def hook(module: nn.Module, inputs: tuple) -> None:
            if not self._active(module):
                return
            self._reached.add(name)
            clean = module._parameters["weight"]
            noisy = noise(clean, self.generator)
            self._swapped.setdefault(module, []).append(clean)
            # in place in the dictionary: the order of parameters, and with it an optimiser's, stays
            module._parameters["weight"] = noisy

        return hook

    def _clean_weight(self, module: nn.Module, inputs: tuple, output: object) -> None:
        originals = self._swapped.get(module)
        if originals:
            module._parameters["weight"] = originals.pop()
