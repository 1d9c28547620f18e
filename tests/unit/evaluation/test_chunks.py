"""Jobs and the devices they take."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.evaluation.chunks import chunks

NAMES = st.sets(st.text("abcdefghij0123456789-", min_size=1, max_size=12), max_size=60)


@settings(deadline=None)
@given(NAMES, st.integers(1, 20))
def test_every_device_is_in_exactly_one_chunk(devices, size):
    """None is lost, none is evaluated twice, whatever order they come in; no job takes too many."""
    found = chunks(devices, devices_per_job=size)
    assert sorted(name for chunk in found.values() for name in chunk) == sorted(devices)
    assert found == chunks(sorted(devices, reverse=True), devices_per_job=size)
    assert all(chunk == sorted(chunk) and 1 <= len(chunk) <= size for chunk in found.values())


@settings(deadline=None)
@given(NAMES, st.text("xyz", min_size=1), st.integers(1, 20))
def test_a_new_device_changes_its_own_chunk_or_divides_it(devices, new, size):
    """Every other job keeps its name and its devices, whatever the number of devices."""
    before = chunks(devices, devices_per_job=size)
    after = chunks(devices | {new}, devices_per_job=size)
    gone = {name for name in before if before[name] != after.get(name)}
    come = {name for name in after if after[name] != before.get(name)}
    assert len(gone) <= 1, "one chunk grew or was divided; a device alone under its bits has a new one"
    assert {name for chunk in come for name in after[chunk]} == {
        new,
        *(name for chunk in gone for name in before[chunk]),
    }


def test_chunks_are_about_two_thirds_full():
    """4000 devices, 32 a job: a tree of random bits holds ln 2 of its leaves' room, within 10 % of it."""
    found = chunks([f"device-{k}" for k in range(4000)], devices_per_job=32)
    assert 4000 / len(found) / 32 == pytest.approx(0.69, abs=0.07)


def test_few_devices_are_one_chunk():
    """Up to devices_per_job there is nothing to divide; without devices there is no job."""
    assert chunks(["b", "a"], devices_per_job=2) == {"all": ["a", "b"]}
    assert chunks([], devices_per_job=2) == {}
    with pytest.raises(ValueError, match="at least 1, got 0"):
        chunks(["a"], devices_per_job=0)
