"""Summaries against numpy, intervals against their coverage, rank correlation against scipy."""

import numpy as np
import pytest
from scipy import stats

from codesign.evaluation.statistics import mean_interval, rank_correlation, summarise
from codesign.schemas.evaluation_summary import EVALUATION_SUMMARY
from codesign.tables import write_table

OPTIONS = {"baseline": "erm", "resamples": 500, "confidence": 0.95, "seed": 7}


def rows(method, values, *, profile="p", programmings=None, **changes):
    """Rows of one group."""
    return [
        {
            "experiment": "t", "method": method, "network": "m", "stands_for": "level", "profile": profile,
            "level": 0.5, "usability": 0.5, "fidelity": 0.8, "noise": "lognormal", "programming": number,
            "calibration": "none", "metric": "accuracy", "value": float(value),
        } | changes
        for number, value in zip(programmings or range(len(values)), values, strict=True)
    ]  # fmt: skip


def test_mean_and_spread_are_numpys():
    """n - 1 in the spread; the count beside it."""
    x = np.random.default_rng(1).random(10)
    [found] = summarise(rows("erm", x), **OPTIONS)
    assert (found["mean"], found["std"], found["n"]) == pytest.approx((x.mean(), x.std(ddof=1), 10))
    assert (found["difference"], found["difference_low"], found["difference_high"]) == (0, 0, 0)


def test_differences_are_paired_by_programming_and_not_by_order():
    """A constant gain over very scattered programmings has an interval without width."""
    x = np.random.default_rng(1).random(10)
    erm = rows("erm", x)
    method = rows("bayesmulti", x[::-1] + 0.1, programmings=list(range(10))[::-1])
    found = summarise(erm + method, **OPTIONS)[1]
    assert found["difference"] == pytest.approx(0.1)
    assert (found["difference_low"], found["difference_high"]) == pytest.approx((0.1, 0.1))
    assert found["n_paired"] == 10


def test_only_programmings_that_both_have_are_paired():
    """And only the same profile."""
    both = rows("erm", [0.1, 0.2, 0.3], programmings=[0, 1, 2]) + rows("b", [0.5, 0.5], programmings=[2, 9])
    other = rows("b", [0.5], profile="q")
    found = {(r["method"], r["profile"]): r for r in summarise(both + other, **OPTIONS)}
    assert found["b", "p"]["difference"] == pytest.approx(0.2) and found["b", "p"]["n_paired"] == 1
    assert found["b", "p"]["difference_low"] is None
    assert found["b", "q"]["n_paired"] == 0 and found["b", "q"]["difference"] is None


def test_calibrations_are_kept_apart_and_paired_with_their_own():
    """The same programmings twice: no group holds both, and a difference is to ERM calibrated alike."""
    x = np.random.default_rng(4).random(10)
    plain = rows("erm", x) + rows("b", x + 0.1)
    calibrated = rows("erm", x + 0.2, calibration="offset") + rows("b", x + 0.25, calibration="offset")
    found = {(row["method"], row["calibration"]): row for row in summarise(plain + calibrated, **OPTIONS)}
    assert len(found) == 4 and {row["n"] for row in found.values()} == {10}
    assert found["b", "none"]["difference"] == pytest.approx(0.1)
    assert found["b", "offset"]["difference"] == pytest.approx(0.05)
    assert [found[m, "none"] for m in ("erm", "b")] == summarise(plain, **OPTIONS)


def test_a_summary_fits_its_table_and_does_not_depend_on_other_groups(tmp_path):
    """Deterministic, group by group."""
    rng = np.random.default_rng(2)
    erm, method = rows("erm", rng.random(10)), rows("b", rng.random(10))
    alone = summarise(erm + method, **OPTIONS)
    beside = summarise(erm + rows("c", rng.random(10)) + method, **OPTIONS)
    assert alone[1] == beside[2]
    write_table(alone, tmp_path / "s.parquet", schema=EVALUATION_SUMMARY)


def test_a_programming_that_occurs_twice_is_refused():
    """It would be counted twice."""
    with pytest.raises(ValueError, match="programming 0 occurs twice"):
        summarise(rows("erm", [0.1, 0.2], programmings=[0, 0]), **OPTIONS)


def test_the_interval_is_the_percentile_bootstrap_of_scipy():
    """Two resamplings of the same ten values agree to three standard errors of a quantile."""
    x = np.random.default_rng(3).normal(size=10)
    n = 20_000
    low, high = mean_interval(x, resamples=n, confidence=0.9, rng=np.random.default_rng(4))
    reference = stats.bootstrap(
        (x,), np.mean, n_resamples=n, confidence_level=0.9, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    spread = x.std() / np.sqrt(10)
    # a 5 % quantile of a normal law: sqrt(p (1 - p) / n) / density
    tolerance = 3 * np.sqrt(2) * np.sqrt(0.05 * 0.95 / n) / stats.norm.pdf(stats.norm.ppf(0.05)) * spread
    assert (low, high) == pytest.approx(tuple(reference), abs=tolerance)


def test_rho_is_scipys_with_ties():
    """Mean ranks for equal values."""
    rng = np.random.default_rng(6)
    x, y = rng.integers(0, 8, 40), rng.integers(0, 8, 40) + rng.integers(0, 3, 40)
    found = rank_correlation(x, y, resamples=200, confidence=0.95, rng=np.random.default_rng(1))
    assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.low <= found.rho <= found.high and found.n == 40


def test_the_interval_of_rho_holds_the_truth_about_as_often_as_it_says():
    """Normal pairs of known rho, 200 samples of 60: three standard errors, and 0.03 of percentile bias."""
    truth = 6 / np.pi * np.arcsin(0.7 / 2)
    rng, hits = np.random.default_rng(8), 0
    for _ in range(200):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=60).T
        found = rank_correlation(x, y, resamples=300, confidence=0.9, rng=rng)
        hits += found.low <= truth <= found.high
    assert hits / 200 == pytest.approx(0.9, abs=3 * np.sqrt(0.9 * 0.1 / 200) + 0.03)


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        pytest.param([1, 2], [1, 2], "at least 3", id="two-devices"),
        pytest.param([1, 2, 3], [1, 2], "two equal rows", id="shapes"),
        pytest.param([1, 2, np.nan], [1, 2, 3], "not finite", id="nan"),
        pytest.param([1, 1, 1], [1, 2, 3], "no order", id="constant"),
    ],
)
def test_what_has_no_rank_correlation_is_refused(x, y, words):
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=words):
        rank_correlation(x, y, resamples=10, confidence=0.9, rng=np.random.default_rng(0))
