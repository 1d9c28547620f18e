"""The networks of the crossbar experiment: one training a run, all of one method in one file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from codesign.bayesmulti.noise import NoiseSpec
from codesign.models.network import Network
from codesign.models.weights import WeightsError, put_weights, read_weights, write_weights
from codesign.seeds import derived_seed
from codesign.tasks.experiment import Experiment
from codesign.training.job import train_experiment


def train_runs(
    experiment: Experiment, spec: NoiseSpec, *, initial_scale: float, runs: int, shared: Mapping, seed: int
) -> Iterator[tuple[int, dict[str, Tensor], float]]:
    """Train the experiment's network once a run; examples stay, start and order change.

    Start, order and the sequence of noise depend on (seed, experiment, run) alone, so run k of
    two methods differs by the method and by nothing else.

    Args:
        experiment: Data, network, training.
        spec: Training noise.
        initial_scale: Of the starting weights.
        runs: Number of trainings.
        shared: Training settings that all experiments share.
        seed: Root seed.

    Yields:
        Run from 1, weights, the best epoch's primary metric on validation examples.
    """
    for run in tqdm(range(1, runs + 1), desc=f"{experiment.name} {spec.method}", unit="run", disable=None):
        trained = train_experiment(
            experiment,
            spec,
            initial_scale=initial_scale,
            shared=shared,
            seed=derived_seed(seed, "crossbar", run),
        )
        yield run, trained.result.weights, trained.best


def write_runs(runs: Mapping[int, Mapping[str, Tensor]], path: Path | str, *, metadata: Mapping) -> None:
    """Write the weights of every run into one file."""
    stored = {
        f"{run:04d}/{name}": tensor for run, weights in runs.items() for name, tensor in weights.items()
    }
    write_weights(stored, path, metadata=metadata)


def read_runs(path: Path | str, **wanted: object) -> tuple[dict[int, dict[str, Tensor]], dict]:
    """Weights of every run, in order, and what was written with them.

    Args:
        path: What `write_runs` wrote.
        wanted: What it must be of: experiment, method.

    Raises:
        WeightsError: Not a file that `write_runs` wrote, or one of others.
    """
    stored, metadata = read_weights(path)
    for key, value in wanted.items():
        if metadata.get(key) != value:
            raise WeightsError(
                f"{path}: networks of {key} {metadata.get(key)!r}, not {value!r}; delete it and run again"
            )
    runs: dict[int, dict[str, Tensor]] = {}
    for name, tensor in sorted(stored.items()):
        run, _, parameter = name.partition("/")
        if not (run.isdigit() and parameter):
            raise WeightsError(f"{path}: holds {name}, not the networks of a crossbar's runs; make it again")
        runs.setdefault(int(run), {})[parameter] = tensor
    return runs, metadata


def network_with(experiment: Experiment, weights: Mapping[str, Tensor]) -> Network:
    """The experiment's network with these weights, in evaluation mode; nothing learns in it any more."""
    network = experiment.blank_network()
    put_weights(network, weights, f"networks of {experiment.name}")
    network.module.eval().requires_grad_(requires_grad=False)
    return network
