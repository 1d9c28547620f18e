"""Evaluation jobs and the devices they take."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.evaluation.chunks import chunks

NAMES = st.sets(st.text("abcdefghij0123456789-", min_size=1, max_size=12), max_size=60)


def count_of(found):
    """Number of chunks that names speak of; 1 where there is no device."""
    return int(next(iter(found)).rsplit("-", 1)[1]) if found else 1


@settings(deadline=None)
@given(NAMES, st.integers(1, 20))
def test_every_device_is_in_exactly_one_chunk(devices, size):
    """None is lost, none is evaluated twice, whatever order they come in."""
    found = chunks(devices, devices_per_job=size)
    assert sorted(name for chunk in found.values() for name in chunk) == sorted(devices)
    assert found == chunks(sorted(devices, reverse=True), devices_per_job=size)
    assert all(chunk == sorted(chunk) and chunk for chunk in found.values())


@settings(deadline=None)
@given(NAMES, st.text("xyz", min_size=1), st.integers(1, 20))
def test_a_new_device_changes_one_chunk_unless_their_number_doubles(devices, new, size):
    """Only the jobs of one chunk run again."""
    before = chunks(devices, devices_per_job=size)
    after = chunks(devices | {new}, devices_per_job=size)
    if devices and count_of(before) != count_of(after):
        assert count_of(after) == 2 * count_of(before) and len(devices) == count_of(before) * size
        return
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert len(changed) == 1 and new in after[changed.pop()]


def test_chunks_are_about_as_large_as_asked_for():
    """1000 devices, 32 a job: 32 chunks of 31.25 on average, each within five binomial deviations."""
    found = chunks([f"device-{k}" for k in range(1000)], devices_per_job=32)
    deviation = (1000 / 32 * (1 - 1 / 32)) ** 0.5
    assert len(found) == 32
    assert all(abs(len(chunk) - 1000 / 32) < 5 * deviation for chunk in found.values())


def test_few_devices_are_one_chunk():
    """Up to devices_per_job there is nothing to divide; without devices there is no job."""
    assert chunks(["b", "a"], devices_per_job=2) == {"1-of-1": ["a", "b"]}
    assert chunks([], devices_per_job=2) == {}
    with pytest.raises(ValueError, match="at least 1, got 0"):
        chunks(["a"], devices_per_job=0)
