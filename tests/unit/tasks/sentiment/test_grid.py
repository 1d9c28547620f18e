"""The grid: hand-made ones, there and back, and decoding against the published code's loops."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.tasks.sentiment.annotated import NEGATIVE, NEUTRAL, POSITIVE, Triplet
from codesign.tasks.sentiment.grid import cells_of, decoded, place, spans_of, tags_of

N, A, O, NEG, NEU, POS = range(6)  # noqa: E741


def flat(rows):
    """Cells of the upper triangle of a grid that is written down row by row."""
    return [tag for k, row in enumerate(rows) for tag in row[k:]]


def test_the_grid_of_the_papers_example():
    """'hot dogs are top notch but average coffee': Fig. 2 of the paper."""
    triplets = [Triplet((0, 1), (3, 4), POSITIVE), Triplet((7, 7), (6, 6), NEUTRAL)]
    expected = flat(
        [
            [A, A, N, POS, POS, N, N, N],
            [N, A, N, POS, POS, N, N, N],
            [N, N, N, N, N, N, N, N],
            [N, N, N, O, O, N, N, N],
            [N, N, N, N, O, N, N, N],
            [N, N, N, N, N, N, N, N],
            [N, N, N, N, N, N, O, NEU],
            [N, N, N, N, N, N, N, A],
        ]
    )
    assert tags_of(triplets, 8) == expected
    assert decoded(expected, 8) == ([(0, 1), (7, 7)], [(3, 4), (6, 6)], triplets)


@pytest.mark.parametrize(
    ("rows", "triplets"),
    [
        pytest.param([[A, N], [N, O]], [], id="nothing-between"),
        pytest.param([[A, NEG], [N, O]], [Triplet((0, 0), (1, 1), NEGATIVE)], id="one"),
        pytest.param([[O, POS], [N, A]], [Triplet((1, 1), (0, 0), POSITIVE)], id="opinion-first"),
        pytest.param([[A, POS], [N, N]], [], id="no-opinion"),
        pytest.param(
            [[A, N, NEG], [N, A, N], [N, N, O]], [Triplet((0, 1), (2, 2), NEGATIVE)], id="one-cell-is-enough"
        ),
        pytest.param(
            [[A, N, NEG], [N, A, POS], [N, N, O]],
            [Triplet((0, 1), (2, 2), POSITIVE)],
            id="positive-of-equals",
        ),
        pytest.param(
            [[A, N, NEG], [N, A, NEU], [N, N, O]], [Triplet((0, 1), (2, 2), NEUTRAL)], id="neutral-of-equals"
        ),
        pytest.param(
            [[A, N, NEG, NEG], [N, A, NEG, POS], [N, N, O, N], [N, N, N, O]],
            [Triplet((0, 1), (2, 3), NEGATIVE)],
            id="most-cells",
        ),
        pytest.param(
            [[A, N, POS, POS], [N, N, N, N], [N, N, O, N], [N, N, N, A]],
            [Triplet((0, 0), (2, 2), POSITIVE)],
            id="a-polarity-between-aspects-is-nothing",
        ),
    ],
)
def test_grids_are_decoded(rows, triplets):
    """By hand."""
    assert decoded(flat(rows), len(rows))[2] == triplets


def published(grid, length):
    """get_aspects, get_opinions and find_triplet of the published code, on a whole grid, in its own words."""

    def spans(kind):
        found, start = [], -1
        for i in range(length):
            if grid[i][i] == kind:
                if start == -1:
                    start = i
            elif start != -1:
                found.append([start, i - 1])
                start = -1
        if start != -1:
            found.append([start, length - 1])
        return found

    triplets = []
    for al, ar in spans(1):
        for pl, pr in spans(2):
            numbers = [0] * 6
            for i in range(al, ar + 1):
                for j in range(pl, pr + 1):
                    numbers[grid[i][j] if al < pl else grid[j][i]] += 1
            if sum(numbers[3:]) == 0:
                continue
            if numbers[5] >= numbers[4] and numbers[5] >= numbers[3]:
                sentiment = 5
            elif numbers[4] >= numbers[3] and numbers[4] >= numbers[5]:
                sentiment = 4
            else:
                sentiment = 3
            triplets.append((al, ar, pl, pr, sentiment))
    return [tuple(s) for s in spans(1)], [tuple(s) for s in spans(2)], triplets


@given(
    st.integers(1, 7).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(0, 5), min_size=n * n, max_size=n * n))
    )
)
def test_any_grid_is_decoded_as_by_the_published_code(drawn):
    """What is below the diagonal is never read."""
    words, tags = drawn
    grid = [tags[k * words : (k + 1) * words] for k in range(words)]
    aspects, opinions, triplets = decoded(flat(grid), words)
    found = [(*aspect, *opinion, polarity) for aspect, opinion, polarity in triplets]
    assert (aspects, opinions, found) == published(grid, words)


@st.composite
def annotated(draw):
    """Triplets of spans between which there is a word at least: what a grid can hold."""
    edges = sorted(draw(st.sets(st.integers(0, 15), min_size=4, max_size=12)))
    spans = [(a, max(a, b - 2)) for a, b in pairwise(edges) if b - a > 1]
    kinds = [draw(st.booleans()) for _ in spans]
    pairs = [
        (a, o)
        for a, is_a in zip(spans, kinds, strict=True)
        if is_a
        for o, no in zip(spans, kinds, strict=True)
        if not no
    ]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return [Triplet(a, o, draw(st.integers(3, 5))) for a, o in chosen]


@given(annotated())
def test_triplets_come_back_from_their_grid(triplets):
    """All of them, and nothing else."""
    aspects, opinions, found = decoded(tags_of(triplets, 16), 16)
    assert set(found) == set(triplets)
    assert set(aspects) == {t.aspect for t in triplets} and set(opinions) == {t.opinion for t in triplets}


def test_aspects_beside_each_other_become_one():
    """The scheme cannot part them: known, and the same in the published code."""
    triplets = [Triplet((0, 0), (3, 3), POSITIVE), Triplet((1, 1), (3, 3), POSITIVE)]
    assert decoded(tags_of(triplets, 4), 4)[2] == [Triplet((0, 1), (3, 3), POSITIVE)]


def test_a_place_is_that_of_a_row_by_row_walk():
    """For every pair of words of a sentence."""
    assert [place(i, j, 9) for i in range(9) for j in range(i, 9)] == list(range(cells_of(9)))
    assert spans_of([O] + [N] * 9, 4, O) == [(0, 0)]
