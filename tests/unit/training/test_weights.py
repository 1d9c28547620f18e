"""Weights on disk."""

import pytest
import torch

from codesign.models.build import build_model, initialise
from codesign.models.network import network_of
from codesign.models.weights import WeightsError, copied, load_weights, read_weights, write_weights


def network(width=1.0):
    model = build_model("perceptron", classes=2, features=2, width=width)
    return network_of(initialise(model, torch.Generator().manual_seed(0)))


def weights_of(network):
    return {name: copied(tensor) for name, tensor in network.state().items()}


def test_weights_come_back_bit_for_bit_with_their_metadata(tmp_path):
    """Into a network that had none."""
    model, other = network(), network_of(build_model("perceptron", classes=2, features=2))
    write_weights(weights_of(model), tmp_path / "w.safetensors", metadata={"method": "erm", "p": [0.1, 0.2]})
    assert load_weights(other, tmp_path / "w.safetensors") == {"method": "erm", "p": [0.1, 0.2]}
    for name, value in model.state().items():
        assert torch.equal(value, other.state()[name])


def test_the_same_weights_give_the_same_bytes(tmp_path):
    """Whatever the order of names and keys."""
    weights = weights_of(network())
    write_weights(weights, tmp_path / "a.safetensors", metadata={"a": 1, "b": 2})
    again = dict(reversed(weights.items()))
    write_weights(again, tmp_path / "b.safetensors", metadata={"b": 2, "a": 1})
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_copy_of_the_weights_does_not_follow_the_model():
    """Training on changes the model only."""
    model = network()
    kept = weights_of(model)
    with torch.no_grad():
        model.module.layers.linear1.weight.zero_()
    assert kept["layers.linear1.weight"].any()


def test_a_truncated_file_is_named(tmp_path):
    """The message says what to do."""
    path = tmp_path / "w.safetensors"
    write_weights(weights_of(network()), path, metadata={})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(WeightsError, match=r"w\.safetensors.*delete it"):
        read_weights(path)


def test_a_pickle_is_not_read(tmp_path):
    """Nothing is unpickled, whatever the file is called."""
    torch.save(weights_of(network()), tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        read_weights(tmp_path / "w.safetensors")


def test_weights_of_another_network_are_refused(tmp_path):
    """Shapes and names must agree."""
    write_weights(weights_of(network(width=0.5)), tmp_path / "w.safetensors", metadata={})
    with pytest.raises(WeightsError, match="another network"):
        load_weights(network(), tmp_path / "w.safetensors")


def test_a_missing_file_is_a_missing_file(tmp_path):
    """Not an unreadable one."""
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "none.safetensors")
