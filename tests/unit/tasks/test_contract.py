"""What every task leans on: batches of any structure, and scores that are checked."""

from collections import namedtuple
from dataclasses import dataclass, field
from math import inf, nan

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from codesign.tasks.contract import (
    Task,
    TaskError,
    batches,
    doubled,
    is_finite,
    mapped,
    moved,
    score_of,
    single,
)

Pair = namedtuple("Pair", "first second")


@dataclass(frozen=True)
class Box:
    """Of anything, with a part that is worked out and no argument."""

    inside: object
    note: str = "kept"
    size: int = field(init=False, default=3)


DTYPES = (torch.float32, torch.float64, torch.float16, torch.int64, torch.uint8, torch.bool)
tensors = st.builds(
    lambda values, dtype: torch.tensor(values).to(dtype),
    st.lists(st.integers(0, 100), max_size=4),
    st.sampled_from(DTYPES),
)
leaves = tensors | st.none() | st.text(max_size=3) | st.integers()
structures = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.builds(Pair, inner, inner),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.builds(Box, inner),
    ),
    max_leaves=8,
)


def flat(value) -> list:
    """Every leaf in order, with the way to it: an implementation of its own."""
    if isinstance(value, Box):
        return [("Box", value.note, value.size), *flat(value.inside)]
    if isinstance(value, dict):
        return [("dict", *value), *(leaf for each in value.values() for leaf in flat(each))]
    if isinstance(value, list | tuple):
        return [(type(value).__name__, len(value)), *(leaf for each in value for leaf in flat(each))]
    return [value]


def tensors_of(value) -> list[Tensor]:
    return [leaf for leaf in flat(value) if isinstance(leaf, Tensor)]


def alike(one, other) -> bool:
    """Same structure, same leaves; tensors by dtype and value."""
    first, second = flat(one), flat(other)
    return len(first) == len(second) and all(
        a.dtype == b.dtype and torch.equal(a, b)
        if isinstance(a, Tensor) and isinstance(b, Tensor)
        else a == b
        for a, b in zip(first, second, strict=True)
    )


@given(structures)
def test_what_changes_nothing_gives_the_same_back(value):
    """Structure, order, text and numbers stay."""
    assert alike(mapped(lambda tensor: tensor, value), value)


@given(structures)
def test_two_changes_after_each_other_are_their_composition(value):
    """As of any map over a structure."""

    def longer(tensor):
        return torch.cat([tensor, tensor])

    def bare(tensor):
        return tensor[:1]

    assert alike(mapped(bare, mapped(longer, value)), mapped(lambda tensor: bare(longer(tensor)), value))


@given(structures)
def test_every_tensor_is_changed_once_and_in_order(value):
    """And nothing else is handed over."""
    seen = []
    mapped(lambda tensor: seen.append(tensor) or tensor, value)
    assert [id(tensor) for tensor in seen] == [id(tensor) for tensor in tensors_of(value)]


@given(structures)
def test_doubling_and_halving_precision_touches_floating_point_alone(value):
    """Indices and masks keep their type; values of float32 come back from double as they were."""
    for change, dtype in ((doubled, torch.float64), (single, torch.float32)):
        for before, after in zip(tensors_of(value), tensors_of(change(value)), strict=True):
            assert after.dtype == (dtype if before.is_floating_point() else before.dtype)
            assert torch.equal(before.to(after.dtype), after)
    assert alike(single(doubled(single(value))), single(value))


@given(structures)
def test_moving_to_where_it_is_changes_nothing(value):
    """Also with channels last, which is a matter of memory order."""
    assert alike(moved(value, torch.device("cpu"), channels_last=True), value)


@given(structures)
def test_a_structure_is_finite_if_each_of_its_tensors_is(value):
    """One number that is none, anywhere, is found."""
    assert is_finite(value)
    for bad in (nan, inf):
        assert not is_finite([value, {"deep": Pair(value, Box(torch.tensor([0.0, bad])))}])


def test_kinds_of_containers_are_kept():
    """A named tuple stays one, a dataclass too."""
    value = {"pair": Pair(torch.zeros(1), [torch.ones(2)]), "box": Box((torch.zeros(3), "text"))}
    found = moved(value, torch.device("meta"))
    assert isinstance(found["pair"], Pair) and isinstance(found["box"], Box)
    assert found["box"].inside[1] == "text" and found["box"].size == 3
    assert all(tensor.device.type == "meta" for tensor in tensors_of(found))


def test_channels_last_is_for_images_alone():
    """Four dimensions; the values are the same."""
    images, vectors = torch.randn(2, 3, 4, 5), torch.randn(2, 3)
    found = moved({"images": images, "vectors": vectors}, torch.device("cpu"), channels_last=True)
    assert found["images"].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found["images"], images) and torch.equal(found["vectors"], vectors)


class Sums(Task):
    """Numbers one below the other."""

    def collate(self, items):
        return {"rows": torch.tensor(items), "number": len(items)}


class Counted:
    """Examples that count how often each was asked for."""

    source = None

    def __init__(self, number):
        self.asked = [0] * number

    def __len__(self):
        return len(self.asked)

    def __getitem__(self, index):
        self.asked[index] += 1
        return float(index)


def test_batches_ask_for_each_example_once_and_when_it_is_needed():
    """The first batch is made before the second one's examples are read."""
    examples = Counted(7)
    found = batches(Sums(), examples, 3, device=torch.device("cpu"))
    assert next(found)["rows"].tolist() == [0, 1, 2]
    assert examples.asked == [1, 1, 1, 0, 0, 0, 0]
    assert [batch["rows"].tolist() for batch in found] == [[3, 4, 5], [6]]
    assert examples.asked == [1] * 7


def test_batches_come_in_the_order_asked_for():
    """Some examples, in any order."""
    found = batches(Sums(), Counted(5), 2, device=torch.device("cpu"), order=torch.tensor([4, 0, 2]))
    assert [batch["rows"].tolist() for batch in found] == [[4, 0], [2]]


class Gives:
    """A scorer with one answer."""

    def __init__(self, **found):
        self.found = found

    def compute(self):
        return self.found


def test_scores_are_those_declared_in_their_order():
    """As plain numbers, whatever number the scorer gave."""
    found = score_of(Gives(error=torch.tensor(0.5), accuracy=1), ["accuracy", "error"])
    assert list(found.items()) == [("accuracy", 1.0), ("error", 0.5)]
    assert all(type(value) is float for value in found.values())


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param({"accuracy": 0.5}, "gives accuracy; about.yaml declares accuracy, error", id="missing"),
        pytest.param({}, "declares accuracy, error", id="none"),
        pytest.param({"accuracy": 0.5, "error": 0.5, "f1": 0.5}, "gives accuracy, error, f1", id="unknown"),
        pytest.param({"accuracy": 0.5, "error": nan}, "the metric error is nan", id="nan"),
        pytest.param({"accuracy": inf, "error": 0.5}, "the metric accuracy is inf", id="infinite"),
        pytest.param(
            {"accuracy": 0.5, "error": torch.tensor(-inf)},
            "the metric error is .*-?inf",
            id="infinite-tensor",
        ),
    ],
)
def test_scores_that_are_not_what_is_declared_are_refused(found, words):
    """Before they are in a table; the metric is named."""
    with pytest.raises(TaskError, match=words):
        score_of(Gives(**found), ["accuracy", "error"])
