"""A trained network whose weight matrices stand on a crossbar.

Matrices multiply on the array, tile by tile; biases, activations and the sums over tiles are
digital. Every input vector is scaled so that its largest element is at the read voltage, and
the currents are scaled back: y = (I+ - I-) w_max / (G_max - G_min) max|x| / V_read + b.
A calibration gives each output a digital gain and offset of its own, between product and bias.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from codesign.crossbar.driver import CrossbarDriver
from codesign.crossbar.mapping import Mapping, Place, map_weights, place
from codesign.crossbar.programming import (
    DriftReport,
    Report,
    WriteSettings,
    check_drift,
    require_no_drift,
    write_verify,
)
from codesign.evaluation.least_squares import centred, gain_and_offset
from codesign.models.network import Network

DIGITAL = (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Flatten, nn.Identity)
"""Modules that follow or precede a matrix, and are computed outside the array."""


@dataclass(frozen=True)
class NetworkSettings:
    """How a network is put on an array."""

    g_min_s: float
    """Least conductance weights are mapped to [S]."""
    g_max_s: float
    """Largest conductance weights are mapped to [S]."""
    read_voltage_v: float
    """Of the row with the largest input [V]."""
    reads: int
    """Readings of a column that are averaged."""

    def __post_init__(self) -> None:
        if not 0 < self.g_min_s < self.g_max_s:
            raise ValueError(f"need 0 < g_min_s < g_max_s, got {self.g_min_s!r} and {self.g_max_s!r}")
        if not self.read_voltage_v > 0:
            raise ValueError(f"read_voltage_v must be positive, got {self.read_voltage_v!r}")
        if self.reads < 1:
            raise ValueError(f"reads must be at least 1, got {self.reads!r}")


@dataclass(frozen=True, eq=False)
class Layer:
    """One matrix on the array."""

    name: str
    weight: np.ndarray
    """(outputs, inputs)."""
    bias: np.ndarray
    """(outputs,)."""
    mapping: Mapping
    places: tuple[Place, ...]
    """One for each tile of the mapping."""


@dataclass(frozen=True, eq=False)
class Correction:
    """Digital gain and offset of a layer's products: gain * product + offset."""

    gain: np.ndarray
    """(outputs,), dimensionless."""
    offset: np.ndarray
    """(outputs,), in units of the product."""


class CrossbarNetwork:
    """A network of linear layers with simple activations between them.

        with Guarded(driver, limits) as array:
            on_array = CrossbarNetwork(network, array, settings=settings, writing=writing)
            on_array.program()
            on_array.check_drift()
            logits = on_array.forward(inputs)

    Matrices that fit the array together are programmed together. Where they do not, the
    array is programmed anew for each load, once for all inputs of a `forward`.
    """

    def __init__(
        self,
        network: Network,
        driver: CrossbarDriver,
        *,
        settings: NetworkSettings,
        writing: WriteSettings,
    ) -> None:
        """Lay the matrices of `network` out; nothing is output yet.

        Args:
            network: Linear layers, each on memristors, and modules of `DIGITAL`, one after the other.
            driver: Open before `program`.
            settings: Conductances and voltages.
            writing: How cells are programmed.

        Raises:
            ValueError: A module of another kind, no linear layer, or one that is not on memristors.
        """
        self.driver, self.settings, self.writing = driver, settings, writing
        self._steps = _steps(network.module)
        linear = [(name, module) for name, module in self._steps if isinstance(module, nn.Linear)]
        if not linear:
            raise ValueError(f"{type(network.module).__name__} has no linear layer to put on an array")
        matrices = [f"{name}.weight".lstrip(".") for name, _ in linear]
        if matrices != list(network.analog):
            raise ValueError(
                f"on memristors are {', '.join(network.analog)}; an array would hold {', '.join(matrices)}"
            )
        places = place(
            [tuple(module.weight.shape) for _, module in linear], rows=driver.rows, columns=driver.columns
        )
        self.layers = tuple(
            self._layer(name, module, [p for p in places if p.matrix == k])
            for k, (name, module) in enumerate(linear)
        )
        self.loads = 1 + max(p.load for p in places)
        """How often the array is filled to hold the whole network."""
        self.reports: dict[int, Report] = {}
        """The last programming of each load."""
        self._on_array: int | None = None

    def targets(self, load: int) -> np.ndarray:
        """Target conductances of one load, (rows, columns) [S]; NaN where no weight lies."""
        found = np.full((self.driver.rows, self.driver.columns), np.nan)
        for layer in self.layers:
            for tile, at in zip(layer.mapping.tiles, layer.places, strict=True):
                if at.load == load:
                    found[_cells(at)] = tile.targets
        return found

    def program(self, load: int = 0) -> Report:
        """Write one load on the array."""
        if not 0 <= load < self.loads:
            raise ValueError(f"loads go from 0 to {self.loads - 1}, got {load}")
        self._on_array = None  # whatever happens now, the array no longer holds what it did
        report = write_verify(self.driver, self.targets(load), settings=self.writing)
        self.reports[load], self._on_array = report, load
        return report

    def check_drift(self) -> DriftReport:
        """Compare the array with what its last programming reached.

        Raises:
            DriftError: A cell has moved.
            ValueError: Nothing was programmed.
        """
        if self._on_array is None:
            raise ValueError("nothing is programmed: call program() first")
        report = check_drift(self.driver, self.reports[self._on_array].reached, settings=self.writing)
        require_no_drift(report)
        return report

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, features) -> logits (batch, classes), every matrix product on the array."""
        values = inputs.detach().cpu().double()
        layers = iter(self.layers)
        for _, module in self._steps:
            if isinstance(module, nn.Linear):
                layer = next(layers)
                products = self.multiply(layer, values.numpy())
                self.observe(layer, values.numpy(), products)
                values = torch.from_numpy(products + layer.bias)
            else:
                values = module(values)
        return values

    def calibrated(self, inputs: Tensor, examples: Tensor) -> tuple[Tensor, list[Correction], int]:
        """`forward` with a digital gain and offset for each output of each layer.

        They bring the products of `examples`, in least squares, to those of the clean network, whose inputs
        are never the array's. Layers are fitted one after the other, each behind those that are
        corrected. Examples and inputs go through a layer in one `multiply`, so that they meet the
        same programming where a network takes several loads.

        Args:
            inputs: (batch, features); nothing is fitted on them.
            examples: Training examples, (n, features), n >= 2.

        Returns:
            Logits of `inputs` (batch, classes), one correction a layer, and how often columns were read for
            the examples.

        Raises:
            ValueError: Fewer than two examples.
            CrossbarError: Whatever the driver raises.
        """
        number = len(examples)
        if number < 2:
            raise ValueError(f"a gain and an offset need at least 2 examples, got {number}")
        clean = examples.detach().cpu().double()
        values = torch.cat([clean, inputs.detach().cpu().double()])
        layers, corrections, reads = iter(self.layers), [], 0
        for _, module in self._steps:
            if isinstance(module, nn.Linear):
                layer = next(layers)
                products = self.multiply(layer, values.numpy())
                reads += self.reads_of(layer, values[:number].numpy())
                wanted = clean.numpy() @ layer.weight.T  # (n, inputs) @ (inputs, outputs)
                correction = _correction(products[:number], wanted)
                products = products * correction.gain + correction.offset
                self.observe(layer, values[number:].numpy(), products[number:])
                corrections.append(correction)
                values = torch.from_numpy(products + layer.bias)
                clean = torch.from_numpy(wanted + layer.bias)
            else:
                values, clean = module(values), module(clean)
        return values[number:], corrections, reads

    def observe(self, layer: Layer, inputs: np.ndarray, products: np.ndarray) -> None:
        """Told of every product that a pass uses, corrected where it is; does nothing here.

        Args:
            layer: The matrix.
            inputs: (n, inputs).
            products: (n, outputs).
        """

    def reads_of(self, layer: Layer, inputs: np.ndarray) -> int:
        """How often `multiply` reads the columns of a tile for these inputs, (n, inputs)."""
        vectors = sum(np.count_nonzero(np.abs(inputs[:, at.inputs]).max(axis=1)) for at in layer.places)
        return int(vectors) * self.settings.reads

    def multiply(self, layer: Layer, inputs: np.ndarray) -> np.ndarray:
        """inputs @ layer.weight.T on the array, (n, inputs) -> (n, outputs)."""
        inputs = np.asarray(inputs, dtype=float)
        outputs, width = layer.weight.shape
        if inputs.ndim != 2 or inputs.shape[1] != width:
            raise ValueError(f"{layer.name} takes (n, {width}) values, got {inputs.shape}")
        if not np.all(np.isfinite(inputs)):
            raise ValueError(f"inputs of {layer.name} must be finite")
        found = np.zeros((len(inputs), outputs))
        # tiles of the load that is on the array come first
        order = sorted(range(len(layer.places)), key=lambda k: self._turn(layer.places[k]))
        for k in order:
            at = layer.places[k]
            if self._on_array != at.load:
                self.program(at.load)
            # (n, outputs of the tile)
            found[:, at.outputs] += self._tile(at, inputs[:, at.inputs])
        return found * layer.mapping.weight_per_siemens

    def _tile(self, at: Place, inputs: np.ndarray) -> np.ndarray:
        """Inputs times differences of conductance, (n, inputs) -> (n, outputs) [S]."""
        rows, columns = _cells(at)
        asked = list(range(columns.start, columns.stop))
        largest = np.abs(inputs).max(axis=1)
        found = np.zeros((len(inputs), len(asked) // 2))
        for k in np.flatnonzero(largest):  # a vector of zeros gives zeros
            volts = np.zeros(self.driver.rows)
            # in this order no rounding takes a voltage beyond the read voltage
            volts[rows] = inputs[k] / largest[k] * self.settings.read_voltage_v
            self.driver.set_voltages(volts)
            readings = [self.driver.read_currents(asked) for _ in range(self.settings.reads)]
            currents = np.mean(readings, axis=0)
            found[k] = (currents[0::2] - currents[1::2]) * (largest[k] / self.settings.read_voltage_v)
        self.driver.set_voltages(np.zeros(self.driver.rows))
        return found

    def _turn(self, at: Place) -> tuple[bool, int]:
        return (at.load != self._on_array, at.load)

    def _layer(self, name: str, module: nn.Linear, places: Sequence[Place]) -> Layer:
        weight = module.weight.detach().cpu().double().numpy()
        bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().cpu().double().numpy()
        mapping = map_weights(
            weight,
            g_min_s=self.settings.g_min_s,
            g_max_s=self.settings.g_max_s,
            rows=self.driver.rows,
            columns=self.driver.columns,
            cuts=[(p.inputs, p.outputs) for p in places],
        )
        return Layer(name=name, weight=weight, bias=bias, mapping=mapping, places=tuple(places))


def _correction(found: np.ndarray, wanted: np.ndarray) -> Correction:
    """Least squares from products (n, outputs) to wanted ones."""
    gain, offset = gain_and_offset(centred(torch.from_numpy(found)), centred(torch.from_numpy(wanted)))
    return Correction(gain.numpy(), offset.numpy())


def _cells(at: Place) -> tuple[slice, slice]:
    """Rows and columns of the array that a tile lies on."""
    height = at.inputs.stop - at.inputs.start
    width = 2 * (at.outputs.stop - at.outputs.start)
    return slice(at.row, at.row + height), slice(at.column, at.column + width)


def _steps(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules of a network without branches, in order."""
    steps = []
    for name, module in model.named_modules():
        if next(module.children(), None) is not None:
            continue
        if not isinstance(module, (nn.Linear, *DIGITAL)):
            raise ValueError(
                f"{name or type(model).__name__} is a {type(module).__name__}: an array holds networks of "
                "linear layers with simple activations between them"
            )
        steps.append((name, module))
    return steps
