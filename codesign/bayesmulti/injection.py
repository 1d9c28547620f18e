"""Noise in an unchanged model, for as long as a `with` block lasts.

A `Network` says where: which parameters are on memristors, and which modules' inputs are noised.

* `weight`: each forward pass of the network sees one noisy draw of every analog parameter, as a
  programmed network has one value a cell however often a layer is used. The parameter itself keeps its
  identity, place and value, so optimisers, checkpoints and `state_dict` notice nothing, between forward
  passes not even inside the block. Layers whose weights others read for them (attention), layers with
  several matrices (recurrent ones) and tensors shared by several modules are covered, as parameters are
  exchanged and not calls.
* `activation`: the named modules read a noisy copy of their first input. `network_of` names every module
  with an analog parameter but the first. That is "after every layer except the last" at the place where it
  is unbiased: after the nonlinearity *and* after pooling or normalisation, right before the numbers meet
  the next weights, so E[W (x * eta) + b] = W x + b exactly. The factors are >= 0 and so commute with ReLU:
  in a chain of linear layers and ReLUs it makes no difference whether they act before or after the
  nonlinearity. They do not commute with a maximum over neighbours (E max > max E) or with batch
  statistics, which is why they come last. A residual sum stays clean and every branch draws its own noise,
  as every branch has its own memristors.

While a training goes on, the noise can be brought in little by little (`strengthen`).

Noise acts in training mode only (`when="training"`), or in every forward pass
(`when="always"`), which is how a smoothed network is sampled for a certificate.
"""

import warnings
from collections.abc import Callable
from types import TracebackType

import torch
from torch import nn

from codesign.bayesmulti.noise import NoiseError, NoiseSpec
from codesign.models.network import Network, holders_of, put


class Injection:
    """Context manager: inside the block the network trains under `spec`; afterwards nothing is left.

    It holds no random state but the generator it is given, so a run resumes by
    restoring that generator's state. One object can be entered again, not twice at once.
    """

    def __init__(
        self, network: Network, spec: NoiseSpec, generator: torch.Generator, *, when: str = "training"
    ) -> None:
        """Check that the specification fits the network; touches nothing yet.

        Args:
            network: Left as it is.
            spec: One noise a place, in the order of `Network.places`.
            generator: Draws the noise, on the device of the network.
            when: `training` | `always`.

        Raises:
            NoiseError: The number of places differs.
        """
        if when not in ("training", "always"):
            raise NoiseError(f"when must be training or always, got {when!r}")
        names = network.places(spec.site)
        if spec.site != "none" and len(names) != len(spec.layers):
            raise NoiseError(
                f"{spec.method} has {len(spec.layers)} noises for {len(names)} places of {spec.site} noise "
                f"({', '.join(names)}); make the specification with n_layers={len(names)}"
            )
        self.spec = spec
        self.generator = generator
        self._root = network.module
        self._always = when == "always"
        self._places = [
            (name, noise) for name, noise in zip(names, spec.layers, strict=False) if not noise.is_identity
        ]
        self._share = 1.0
        self._acting = dict(self._places)
        self._handles: list[torch.utils.hooks.RemovableHandle] = []
        self._holders: dict[str, list[tuple[nn.Module, str]]] = {}
        self._clean: list[tuple[nn.Module, str, torch.Tensor]] = []
        self._reached: set[str] = set()
        self._entered = False

    def __enter__(self) -> "Injection":
        if self._entered:
            raise NoiseError("this injection is active already; leave its block before entering it again")
        self._entered = True
        self._reached.clear()
        if self.spec.site == "activation":
            for name, _ in self._places:
                module = self._root.get_submodule(name)
                self._handles.append(module.register_forward_pre_hook(self._noisy_input(name)))
        elif self._places:
            self._holders = {name: holders_of(self._root, name) for name, _ in self._places}
            self._handles = [
                self._root.register_forward_pre_hook(torch.compiler.disable(self._noisy_weights)),
                # first of all, so that nested injections give back in reverse order; on errors too
                self._root.register_forward_hook(
                    torch.compiler.disable(self._clean_weights), prepend=True, always_call=True
                ),
            ]
        return self

    def strengthen(self, share: float) -> None:
        """Let the noise act at a share of its strength from now on; 1 is all of it, as at the start.

        Args:
            share: 0 ... 1.
        """
        if share != self._share:
            self._share = share
            self._acting = {name: noise.scaled(share) for name, noise in self._places}

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._give_back()  # an interrupt in the middle of a forward pass leaves weights noisy
        self._entered = False
        missed = [name for name, _ in self._places if name not in self._reached]
        if error is None and self._reached and missed:
            warnings.warn(
                f"no noise in {', '.join(missed)}: the forward pass does not call these modules; name those "
                "that are called in the network's activation_noise",
                RuntimeWarning,
                stacklevel=2,
            )

    def _noisy_input(self, name: str) -> Callable:
        # torch.compile keeps no generator and no view of bits: it leaves the draw as it is
        @torch.compiler.disable
        def noisy(inputs: torch.Tensor) -> torch.Tensor:
            return self._acting[name](inputs, self.generator)

        def hook(module: nn.Module, inputs: tuple) -> tuple | None:
            if not (self._always or module.training):
                return None
            self._reached.add(name)
            return (noisy(inputs[0]), *inputs[1:])

        return hook

    def _noisy_weights(self, module: nn.Module, inputs: tuple) -> None:
        if not (self._always or module.training):
            return
        for name, noise in self._acting.items():
            holders = self._holders[name]
            clean = getattr(*holders[0])
            noisy = noise(clean, self.generator)
            for holder, leaf in holders:
                self._clean.append((holder, leaf, clean))
                put(holder, leaf, noisy)
            self._reached.add(name)

    def _clean_weights(self, module: nn.Module, inputs: tuple, output: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        while self._clean:
            holder, leaf, clean = self._clean.pop()
            put(holder, leaf, clean)
