"""Channels of one instrument, and words that may name devices, are never taken for cycles of one device."""

import numpy as np
import pytest

from codesign.iv.importers import ImportRefused, import_file

UP = np.round(np.linspace(0, 1, 11), 3)
SWEEP = np.concatenate([UP, UP[-2::-1]])
VOLTAGE = np.tile(SWEEP, 2)
CURRENT = 1e-6 * VOLTAGE**2 + 1e-9 * VOLTAGE
HALF = SWEEP.size


def read(tmp_path, sidecar="", /, **columns):
    text = ",".join(columns) + "\n"
    text += "".join(",".join(map(str, row)) + "\n" for row in zip(*columns.values(), strict=True))
    (tmp_path / "a.csv").write_text(text)
    if sidecar:
        (tmp_path / "a.meta.yaml").write_text(sidecar)
    return import_file(tmp_path / "a.csv", device="a")


NOISE = np.random.default_rng(3).normal(0, 1e-6, VOLTAGE.size)
CHANNELS = {
    "one current at both ends": ({"V1": VOLTAGE, "I1": CURRENT, "I2": -CURRENT}, "I2 is I1, counted"),
    "a leak between the ends": ({"V1": VOLTAGE, "I1": CURRENT, "I2": -0.98 * CURRENT}, "I2 is I1, counted"),
    "terminals": ({"AnodeV": VOLTAGE, "AnodeI": CURRENT, "CathodeI": -CURRENT}, "CathodeI is AnodeI"),
    "a grounded channel": (
        {"V1": VOLTAGE, "I1": CURRENT, "V2": NOISE, "I2": -CURRENT}, "V2 moves by .* V and V1 by 1 V"
    ),
    "two channels that move": (
        {"smua.V": VOLTAGE, "smua.I": CURRENT, "smub.V": VOLTAGE, "smub.I": 2 * CURRENT},
        "several terminals, smua, smub",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "said"), CHANNELS.values(), ids=CHANNELS)
def test_channels_are_refused_until_the_sidecar_says_which(tmp_path, columns, said):
    """They became two cycles, the second of the other sign or of a voltage that stays."""
    voltage, current = list(columns)[:2]
    with pytest.raises(ImportRefused, match=said) as refusal:
        read(tmp_path, **columns)
    remedy = f"columns: {{voltage: {voltage}, current: {current}}}"
    assert remedy in str(refusal.value)
    np.testing.assert_allclose(read(tmp_path, remedy, **columns).current, CURRENT)


def test_pairs_of_cycles_stay_cycles(tmp_path):
    """The second may be another way round, or smaller."""
    m = read(tmp_path, V1=SWEEP, I1=SWEEP * 1e-6, V2=0.1 * SWEEP, I2=SWEEP * 1e-7)
    assert np.unique(m.cycle).tolist() == [1, 2]
    m = read(tmp_path, V1=SWEEP - 0.5, I1=(SWEEP - 0.5) * 1e-6, V2=0.5 - SWEEP, I2=(0.5 - SWEEP) * 1e-6)
    assert np.unique(m.cycle).tolist() == [1, 2]


def test_a_list_in_the_sidecar_makes_cycles_of_channels(tmp_path):
    """The laboratory knows."""
    sidecar = "columns: {voltage: V1, current: [I1, I2]}"
    m = read(tmp_path, sidecar, V1=VOLTAGE, I1=CURRENT, I2=-CURRENT)
    assert np.unique(m.cycle).tolist() == [1, 2]


def blocks(*labels):
    """One label for each of the two sweeps."""
    return [label for label in labels for _ in range(VOLTAGE.size // len(labels))]


@pytest.mark.parametrize("name", ["Electrode", "Tip", "Label", "Device #", "Type", "where"])
@pytest.mark.parametrize("labels", [("D1", "D2"), ("left", "right"), ("1-1", "1-2"), ("", "tip 4")])
def test_words_that_change_from_sweep_to_sweep_are_refused_whatever_the_column_is_called(
    tmp_path, name, labels
):
    """Two devices end to end were one of two cycles."""
    columns = {name: blocks(*labels), "voltage": VOLTAGE, "current": CURRENT}
    with pytest.raises(ImportRefused, match=f"column {name}: 2 (words that may name )?devices") as refusal:
        read(tmp_path, **columns)
    message = str(refusal.value)
    only = message[message.index("only: {") : message.index("}", message.index("only: {")) + 1]
    assert read(tmp_path, only, **columns).current.size == HALF


def test_words_that_say_what_was_done_may_stay(tmp_path):
    """The way out for a column of remarks."""
    columns = {"remark": blocks("fresh", "aged"), "voltage": VOLTAGE, "current": CURRENT}
    with pytest.raises(ImportRefused, match=r"columns: \{phase: remark\}"):
        read(tmp_path, **columns)
    assert np.unique(read(tmp_path, "columns: {phase: remark}", **columns).cycle).tolist() == [1, 2]


WORDS = {
    "ways": [word for _ in range(2) for word in ["forward"] * 11 + ["backward"] * 10],
    "ways of sweeps": blocks("SET", "RESET"),
    "counted": blocks("Sweep 1", "Sweep 2"),
    "one word": blocks("D1", "D1"),
    "dates": blocks("2024-05-14 23:59:58", "2024-05-15 00:00:03"),
    "a limit that holds": [
        word for _ in range(2) for word in ["normal"] * 5 + ["limited"] * 11 + ["normal"] * 5
    ],
    "remarks here and there": ["seen" if k in (3, 30) else "" for k in range(VOLTAGE.size)],
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_words_that_name_no_device_are_no_reason_to_refuse(tmp_path, words):
    """Directions, limits, counters and dates stand beside many sweeps."""
    m = read(tmp_path, state=words, voltage=VOLTAGE, current=CURRENT)
    assert np.unique(m.cycle).tolist() == [1, 2]
    assert any("columns not used: state" in note for note in m.metadata.notes)
