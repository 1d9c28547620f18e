"""Pulse series as laboratories write them: potentiation first, repetitions told, conductances right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.iv.check import check_file
from codesign.iv.importers import ImportRefused, import_file

G = np.concatenate([np.linspace(1, 5, 20), np.linspace(4.9, 1.1, 20)])  # uS
READ = "pulse: {read_voltage_v: 0.1}\n"


def read(folder, header, form, sidecar=READ, *, repetitions=3, g=G, turn=20):
    """`form` gets the pulse from 1, the pulse of its phase from 1, whether it potentiates, and G in uS."""
    lines = [
        form(k + 1, (k if k < turn else k - turn) + 1, k < turn, x)
        for _ in range(repetitions)
        for k, x in enumerate(g.tolist())
    ]
    path = folder / "a.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    path.with_name("a.meta.yaml").write_text(sidecar, encoding="utf-8")
    return import_file(path, device="a")


FORMS = {
    "numbers go through": ("pulse,G (uS)", lambda n, m, up, x: f"{n},{x}"),
    "numbers begin again at depression": ("pulse,G (uS)", lambda n, m, up, x: f"{m},{x}"),
    "numbers count down": ("pulse,G (uS)", lambda n, m, up, x: f"{n if up else 41 - n},{x}"),
    "phase in words": ("pulse,phase,G (uS)", lambda n, m, up, x: f"{m},{'LTP' if up else 'LTD'},{x}"),
    "phase first": ("phase,G (uS)", lambda n, m, up, x: f"{'Potentiation' if up else 'Depression'},{x}"),
    "phase in numbers": ("pulse,direction,G (uS)", lambda n, m, up, x: f"{m},{1 if up else -1},{x}"),
    "another type": ("pulse,type,G (uS)", lambda n, m, up, x: f"{n},square,{x}"),
    "resistance": ("pulse,resistance (Ohm)", lambda n, m, up, x: f"{n},{1e6 / x!r}"),
    "resistance in MOhm": ("pulse,R (MOhm)", lambda n, m, up, x: f"{n},{1 / x!r}"),
    "read current": ("pulse,read current (nA)", lambda n, m, up, x: f"{n},{x * 100}"),
    "amplitude and read current": (
        "pulse,pulse amplitude (V),read current (nA)",
        lambda n, m, up, x: f"{n},{1 + n / 100},{x * 100}",
    ),
}


@pytest.mark.parametrize(("header", "form"), FORMS.values(), ids=FORMS)
def test_each_repetition_is_potentiation_then_depression(tmp_path, header, form):
    """The same conductances come out of every way to write them."""
    m = read(tmp_path, header, form)
    assert (m.metadata.kind, m.metadata.branch_points) == ("pulse", 20)
    np.testing.assert_allclose(m.grid()[2], np.tile(G * 1e-7, (3, 1)))
    assert np.all(m.voltage == 0.1)


@given(up=st.integers(5, 30), down=st.integers(5, 30), repetitions=st.integers(1, 4))
def test_numbers_that_begin_again_are_paired_whatever_the_lengths(tmp_path_factory, up, down, repetitions):
    """Potentiation and depression may differ in length."""
    g = np.concatenate([np.linspace(1, 5, up), np.linspace(4.9, 1.1, down)])
    folder = tmp_path_factory.mktemp("pulses")
    m = read(folder, "pulse,G (uS)", lambda n, m, u, x: f"{m},{x}", repetitions=repetitions, g=g, turn=up)
    assert (np.unique(m.cycle).size, m.metadata.branch_points) == (repetitions, up)


def test_potentiations_alone_stay_repetitions(tmp_path):
    """Nothing falls, so nothing is paired."""
    m = read(tmp_path, "pulse,G (uS)", lambda n, m, up, x: f"{n},{x}", g=G[:20])
    assert (np.unique(m.cycle).size, m.metadata.branch_points) == (3, 20)


def test_runs_that_rise_and_fall_out_of_turn_are_refused(tmp_path):
    """Depression first: what is a repetition a person has to say."""
    with pytest.raises(ImportRefused, match="begin with potentiation"):
        read(tmp_path, "pulse,G (uS)", lambda n, m, up, x: f"{m},{x}", g=np.roll(G, 20))


@pytest.mark.parametrize(
    ("header", "form", "said"),
    [
        ("pulse,phase,G (uS)", lambda n, m, up, x: f"{m},{'A' if up else 'B'},{x}", "row 2: 'a' is neither"),
        ("phase,G (uS)", lambda n, m, up, x: f"{'D' if up else 'P'},{x}", "the first pulses depress"),
        ("pulse,R (kOhm)", lambda n, m, up, x: f"{n},{0 if n == 3 else 1 / x}", "row 4: .* correct the cell"),
        ("pulse,I (nA)", lambda n, m, up, x: f"{n},{-x}", r"read_voltage_v: -0\.1"),
    ],
)
def test_what_is_no_conductance_is_refused_with_its_row(tmp_path, header, form, said):
    """And with what to do about it."""
    with pytest.raises(ImportRefused, match=said):
        read(tmp_path, header, form, READ + "kind: pulse\n")


def test_a_negative_read_voltage_has_negative_currents(tmp_path):
    """The conductance is what counts."""
    m = read(
        tmp_path, "pulse,I (nA)", lambda n, m, up, x: f"{n},{-x * 200}", "pulse: {read_voltage_v: -0.2}\n"
    )
    np.testing.assert_allclose(m.current, np.tile(G * 2e-7, 3))
    assert np.all(m.voltage == 0.2)
    assert "read at -0.2 V: stored as at 0.2 V" in m.metadata.notes


def test_a_column_of_one_read_voltage_is_taken(tmp_path):
    """It says what the sidecar would."""
    form = lambda n, m, up, x: f"{n},50,{x * 50}"  # noqa: E731
    m = read(tmp_path, "pulse,read voltage (mV),current (nA)", form, "perovskite: MAPbI3\n")
    np.testing.assert_allclose(m.current / m.voltage, np.tile(G * 1e-6, 3))
    assert m.voltage[0] == 0.05


@pytest.mark.parametrize(
    ("header", "remedy"),
    [
        ("Pulse number,Current (A)", "read_voltage_v"),
        ("Pulse amplitude (V),Read current (A)", "read_voltage_v"),
        ("Pulse,Pulse amplitude (V),Read current (A)", "read_voltage_v"),
        ("Voltage (V),Read current (A)", "kind: sweep"),
        ("Pulse voltage (V),Current (A)", "kind: sweep"),
    ],
)
def test_a_current_that_may_have_been_read_at_another_voltage_is_refused(tmp_path, header, remedy):
    """Current over amplitude is no conductance."""
    many = header.count(",")
    with pytest.raises(ImportRefused, match=remedy):
        read(
            tmp_path, header, lambda n, m, up, x: ",".join([str(n / 20)] * many + [f"{x}e-7"]), "pb_min: 1\n"
        )


def test_pulsed_sweeps_are_read_where_the_sidecar_says_so(tmp_path):
    """The current that flows in the pulse, against its voltage."""
    sidecar = "kind: sweep\ncolumns: {voltage: Pulse voltage, current: Current}\n"
    m = read(tmp_path, "Pulse voltage (V),Current (A)", lambda n, m, up, x: f"{n / 20},{x}e-7", sidecar)
    assert m.metadata.kind == "sweep"
    np.testing.assert_allclose(m.current, np.tile(G * 1e-7, 3))


def test_a_series_resistance_is_taken_off_the_resistances(tmp_path):
    """1 / G - R, where it is less than every resistance."""
    form = lambda n, m, up, x: f"{n},{1000 / x + 5}"  # noqa: E731
    m = read(tmp_path, "pulse,R (kOhm)", form, READ + "series_resistance_ohm: 5000\n")
    np.testing.assert_allclose(m.current, np.tile(G * 1e-7, 3))
    with pytest.raises(ImportRefused, match=r"the smallest resistance measured, 2\.05e\+05 Ohm"):
        read(tmp_path, "pulse,R (kOhm)", form, READ + "series_resistance_ohm: 3e5\n")


@pytest.mark.parametrize("sign", [1, -1], ids=["positive", "negative"])
@pytest.mark.parametrize("counter", ["pulse", "cycle"])
def test_amplitudes_of_both_signs_say_the_phase(tmp_path, sign, counter):
    """Numbers that go through would make one repetition of all."""
    numbers = iter(range(1, 121))
    m = read(
        tmp_path,
        f"{counter},amplitude (V),read current (nA)",
        lambda n, m, up, x: (
            f"{(next(numbers) - 1) // (40 if counter == 'cycle' else 1) + 1},"
            f"{sign if up else -sign},{x * 100}"
        ),
    )
    assert m.metadata.branch_points == 20
    np.testing.assert_allclose(m.grid()[2], np.tile(G * 1e-7, (3, 1)))
    word = "positive" if sign == 1 else "negative"
    assert any(f"pulses of {word} amplitude potentiate" in note for note in m.metadata.notes)
    assert not any("not used" in note for note in m.metadata.notes)


def test_amplitudes_that_begin_with_depression_are_refused(tmp_path):
    """The largest mean conductance would be taken for the end of potentiation."""
    with pytest.raises(ImportRefused, match="the first pulses depress"):
        read(
            tmp_path,
            "pulse,amplitude (V),G (uS)",
            lambda n, m, up, x: f"{n},{-1 if up else 1},{x}",
            g=np.roll(G, 20),
        )


def test_amplitudes_that_the_conductance_does_not_follow_say_nothing(tmp_path):
    """Alternating signs, as of a read scheme."""
    m = read(tmp_path, "pulse,amplitude (V),G (uS)", lambda n, m, up, x: f"{n},{1 if n % 2 else -1},{x}")
    assert m.metadata.branch_points == 20
    assert any("columns not used: amplitude" in note for note in m.metadata.notes)


def test_repetitions_that_turn_elsewhere_are_refused(tmp_path):
    """By their amplitudes, beside a cycle column."""
    turns = iter([1] * 20 + [-1] * 20 + [1] * 15 + [-1] * 25 + [1] * 20 + [-1] * 20)
    cycles = iter(range(120))
    with pytest.raises(ImportRefused, match=r"column amplitude.*of one length each"):
        read(
            tmp_path,
            "cycle,amplitude (V),G (uS)",
            lambda n, m, up, x: f"{next(cycles) // 40},{next(turns)},{x}",
        )


def flat_first(form, folder):
    return read(folder, "pulse,G (uS)", form, g=np.concatenate([np.full(20, 3.0), G[20:]]))


def test_a_flat_potentiation_is_paired_and_said(tmp_path):
    """Four runs in turn are no four repetitions of one potentiating pulse each."""
    m = flat_first(lambda n, m, up, x: f"{m},{x}", tmp_path)
    assert (np.unique(m.cycle).size, m.metadata.branch_points) == (3, 20)
    said = [f for f in check_file(tmp_path / "a.csv") if "does not rise in what is taken" in f.what]
    assert [f.level for f in said] == ["warning"]
    assert "potentiation_points" in said[0].remedy


def test_a_fall_taken_for_potentiation_is_said(tmp_path):
    """Numbers that go through a flat start and a fall: the largest mean is the first of all."""
    m = read(tmp_path, "pulse,G (uS)", lambda n, m, up, x: f"{n},{x}", g=G[::-1][:20][::-1])
    assert m.metadata.branch_points == 1
    assert any("does not rise" in note for note in m.metadata.notes)


def test_a_potentiation_that_rises_is_not_pointed_at(tmp_path):
    """Nor one of two pulses."""
    for g, turn in ((G, 20), (np.array([1.0, 2.0, 1.5, 1.2]), 2)):
        m = read(
            tmp_path,
            "pulse,phase,G (uS)",
            lambda n, m, up, x: f"{n},{'P' if up else 'D'},{x}",
            g=g,
            turn=turn,
        )
        assert not any("does not rise" in note for note in m.metadata.notes)


@pytest.mark.parametrize("volts", [0.1, -0.1])
def test_a_read_voltage_that_was_measured_is_refused_by_name(tmp_path, volts):
    """One voltage has to be stated; the message has the middle of them."""
    noise = iter(np.random.default_rng(5).normal(volts, 1e-5, 120))
    with pytest.raises(
        ImportRefused, match=rf"column read voltage \(V\).*120 voltages.*read_voltage_v: {volts}\b"
    ):
        read(
            tmp_path,
            "pulse,read voltage (V),G (uS)",
            lambda n, m, up, x: f"{n},{next(noise)},{x}",
            "perovskite: MAPbI3\n",
        )


def test_a_read_voltage_of_zero_is_refused_by_name(tmp_path):
    """Nothing is read at 0 V."""
    with pytest.raises(ImportRefused, match=r"column read voltage.*is 0 V"):
        read(tmp_path, "pulse,read voltage (V),G (uS)", lambda n, m, up, x: f"{n},0,{x}", "pb_min: 1\n")
