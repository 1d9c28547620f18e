"""Which network something is programmed with: what is known of the device decides."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.models.aims import PANEL, Aim, AimError, aim_at, aim_for, aim_names, level_name, share_out
from codesign.nonideality.levels import Trend, synthetic_profiles

GOOD = Aim("0.8", 0.8, "a", 0.79, 0.95)
MIDDLE = Aim("0.5", 0.5, "b", 0.52, 0.90)
POOR = Aim("0.2", 0.2, "c", 0.20, 0.60)
AIMS = [GOOD, MIDDLE, POOR]
WHOLE = Aim(PANEL)

shares = st.floats(0.01, 1.0)
aims_of_levels = st.lists(
    st.tuples(shares, shares), min_size=1, max_size=6, unique_by=(lambda pair: pair[0], lambda pair: pair[1])
).map(
    lambda pairs: [
        Aim(level_name(usability), usability, f"d-{k}", usability, fidelity)
        for k, (usability, fidelity) in enumerate(pairs)
    ]
)


class Device:
    """What is asked of a profile."""

    def __init__(self, usability, fidelity):
        self.usability, self.fidelity = usability, fidelity


@pytest.mark.parametrize(
    ("usability", "fidelity", "expected"),
    [
        pytest.param(0.2, 0.93, GOOD, id="fidelity-decides-against-usability"),
        pytest.param(0.8, 0.1, POOR, id="below-all"),
        pytest.param(0.1, 1.0, GOOD, id="above-all"),
        pytest.param(0.1, 0.75, MIDDLE, id="tie-takes-the-better-device"),
        pytest.param(0.51, None, MIDDLE, id="no-fidelity"),
        pytest.param(0.36, None, MIDDLE, id="tie-of-usability-takes-the-better-device"),
    ],
)
def test_the_nearest_network_is_taken(usability, fidelity, expected):
    """By fidelity, and by usability where it was not computed."""
    for order in (AIMS, AIMS[::-1]):
        assert aim_for(order, usability=usability, fidelity=fidelity) == expected


def test_one_aim_without_a_fidelity_leaves_usability_to_decide():
    """Distances of two kinds are not compared."""
    unknown = Aim("0.2", 0.2, "c", 0.2, None)
    assert aim_for([GOOD, MIDDLE, unknown], usability=0.2, fidelity=0.95) == unknown


@given(shares, st.none() | shares, st.sampled_from([WHOLE, *AIMS]))
def test_a_method_with_one_network_has_it_for_everything(usability, fidelity, only):
    """Also where nothing is known of the device that the aim stands for."""
    assert aim_for([only], usability=usability, fidelity=fidelity) == only
    assert aim_at([only], usability) == only


@given(aims_of_levels, st.lists(st.tuples(shares, st.none() | shares), max_size=12))
def test_every_profile_is_given_exactly_one_network(aims, devices):
    """Profiles are divided over the aims, in both orders, and no aim stands there without one."""
    profiles = [Device(*each) for each in devices]
    shared = share_out(aims, profiles)
    assert all(shared.values()) and list(shared) == [aim for aim in aims if aim in shared]
    given_out = [profile for mine in shared.values() for profile in mine]
    assert sorted(map(id, given_out)) == sorted(map(id, profiles))
    for aim, mine in shared.items():
        assert [profiles.index(each) for each in mine] == sorted(profiles.index(each) for each in mine)
        assert all(aim_for(aims, usability=p.usability, fidelity=p.fidelity) == aim for p in mine)


@given(aims_of_levels)
def test_a_device_of_the_panel_takes_the_network_chosen_for_it(aims):
    """Nothing is nearer to a device than itself; of those less than 1e-9 apart the better one is taken."""
    for aim in aims:
        for fidelity, there in ((aim.fidelity, "fidelity"), (None, "usability")):
            found = aim_for(aims, usability=aim.usability, fidelity=fidelity)
            assert found == aim or abs(getattr(found, there) - getattr(aim, there)) < 1e-9


@given(aims_of_levels, shares, st.randoms())
def test_the_order_of_aims_decides_nothing(aims, value, random):
    """A table that is sorted otherwise gives the same networks."""
    mixed = random.sample(aims, len(aims))
    assert aim_for(mixed, usability=value, fidelity=value) == aim_for(aims, usability=value, fidelity=value)
    assert aim_at(mixed, value) == aim_at(aims, value)


def test_synthetic_levels_are_shared_out_by_their_fidelity():
    """Profiles as the evaluation has them."""
    trend = Trend(0.14, 0.7, 9, "measured")
    made = synthetic_profiles([1.0, 0.6, 0.1], trend, min_operative_fraction=0.35)
    profiles = [replace(p, fidelity=fidelity) for p, fidelity in zip(made, (0.7, 0.9, 0.6), strict=True)]
    aims = [Aim(f"{p.usability:g}", p.usability, p.profile, p.usability, p.fidelity) for p in profiles[1:]]
    shared = share_out(aims, profiles)
    assert {aim.name: [p.profile for p in mine] for aim, mine in shared.items()} == {
        "0.6": ["synthetic-0.60"], "0.1": ["synthetic-1.00", "synthetic-0.10"],
    }  # fmt: skip


@pytest.mark.parametrize(("level", "expected"), [(0.9, GOOD), (0.65, GOOD), (0.64, MIDDLE), (0.1, POOR)])
def test_a_level_takes_the_nearest_level(level, expected):
    """Of two the higher one."""
    assert aim_at(AIMS, level) == aim_at(AIMS[::-1], level) == expected


def test_without_a_network_there_is_nothing_to_take():
    """Neither for a device nor for a level."""
    with pytest.raises(AimError, match="no network to choose from"):
        aim_for([], usability=0.5, fidelity=0.5)
    with pytest.raises(AimError, match="no network to choose from"):
        aim_at([], 0.5)
    assert share_out(AIMS, []) == {}


def test_names_are_known_from_the_configuration():
    """In its order: the whole panel, or its levels; other words are refused."""
    assert aim_names([0.8, 0.55, 1.0], search_for="level") == ["0.8", "0.55", "1"]
    assert aim_names([0.8, 0.55], search_for="panel") == [PANEL]
    with pytest.raises(AimError, match=r"search\.for must be panel or level, got 'device'"):
        aim_names([0.8], search_for="device")


@given(st.lists(st.integers(1, 10**6), unique=True, max_size=8))
def test_levels_that_differ_have_names_that_differ(millionths):
    """And a name says the level again: files of levels are told apart by it."""
    levels = [number / 10**6 for number in millionths]
    names = aim_names(levels, search_for="level")
    assert len(set(names)) == len(names) and [float(name) for name in names] == levels


def test_an_aim_is_read_from_what_else_is_said():
    """Files say of a network what it was trained with, too."""
    said = {"name": "0.8", "level": 0.8, "profile": "a", "usability": 0.79, "fidelity": 0.95}
    assert Aim.of(said | {"specification": {}, "initial_scale": 1.0}) == GOOD
