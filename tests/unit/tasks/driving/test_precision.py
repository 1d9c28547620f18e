"""Average precision, against values worked out by hand and against the development kit's loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.tasks.driving.boxes import overlaps
from codesign.tasks.driving.precision import (
    CLASSES,
    DIFFICULTIES,
    FORMS,
    KINDS,
    LEAST_OVERLAP,
    NEIGHBOURS,
    VIEWS,
    Detections,
    Truth,
    average_precision,
    means_over_classes,
)

CAR = [0.0, 0.0, 0.0, 3.9, 1.6, 1.56, 0.0]


def truth(*rows):
    """Rows of scene, kind, box and, where not 60 px, 0 and 0, height, occlusion and truncation."""
    rows = [(*row, *(60.0, 0, 0.0)[len(row) - 3 :]) for row in rows]
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    scenes, kinds, boxes, heights, occlusion, truncation = columns
    return Truth(
        np.array(scenes, dtype=int),
        np.array([KINDS.index(kind) for kind in kinds], dtype=int),
        np.array(boxes, dtype=float).reshape(-1, 7),
        np.array(heights, dtype=float),
        np.array(occlusion, dtype=int),
        np.array(truncation, dtype=float),
    )


def detections(*rows):
    """Rows of scene, class, box, score and, where not 60 px, height."""
    rows = [(*row, 60.0)[:5] for row in rows]
    scenes, kinds, boxes, scores, heights = list(zip(*rows, strict=True)) if rows else [[]] * 5
    return Detections(
        np.array(scenes, dtype=int),
        np.array([CLASSES.index(kind) for kind in kinds], dtype=int),
        np.array(boxes, dtype=float).reshape(-1, 7),
        np.array(scores, dtype=float),
        np.array(heights, dtype=float),
    )


def shifted(box, x=0.0, z=0.0):
    return [box[0] + x, box[1], box[2] + z, *box[3:]]


def forms(objects, found, view="bev", name="car", difficulty="moderate"):
    """R11 and R40 as the kit has them, then by true recall."""
    return [
        average_precision(objects, found, form=form, recalls=recalls)[view, name, difficulty]
        for form in ("kitti", "recall")
        for recalls in (11, 40)
    ]


def test_four_objects_are_as_worked_out_by_hand():
    """Right .9, wrong .8, right .7, right .6, one object missed: the kit's form has three thresholds."""
    objects = truth(*((k, "car", CAR) for k in range(4)))
    found = detections(
        (0, "car", CAR, 0.9),
        (0, "car", shifted(CAR, 20), 0.8),
        (1, "car", CAR, 0.7),
        (2, "car", CAR, 0.6),
    )
    assert forms(objects, found) == pytest.approx([1 / 11, 0.0375, 6.75 / 11, 0.625])


def many(detected, *extra, n=400, kind="car"):
    """400 cars, a scene each; `detected(k)` gives rows of the k-th scene."""
    objects = truth(*((k, kind, CAR) for k in range(n)), *extra)
    rows = [row for k in range(n) for row in detected(k)]
    return objects, detections(*rows)


def score(k):
    return 0.9 - k / 1000


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param(many(lambda k: [(k, "car", CAR, score(k))]), [1] * 4, id="all-found"),
        pytest.param(
            many(
                lambda k: (
                    [(k, "car", CAR, score(k))] * (k < 200) + [(k, "car", shifted(CAR, 20), 0.95)] * (k < 50)
                )
            ),
            [4.8 / 11, 0.4] * 2,
            id="half-found-and-50-false-above",
        ),
        pytest.param(
            many(lambda k: [(k, "car", shifted(CAR, z=0.5), score(k))]), [1] * 4, id="half-a-metre-high"
        ),
        pytest.param(many(lambda k: [(k, "car", shifted(CAR, 0.6), score(k))]), [1] * 4, id="overlap-.7333"),
        pytest.param(many(lambda k: [(k, "car", shifted(CAR, 0.7), score(k))]), [0] * 4, id="overlap-.6957"),
        pytest.param(
            many(
                lambda k: [(k, "car", CAR, score(k)), (k, "car", shifted(CAR, 20), 0.99, 20.0)],
            ),
            [1] * 4,
            id="false-of-20-px",
        ),
    ],
)
def test_four_hundred_cars_are_as_worked_out_by_hand(scene, expected):
    """All four forms."""
    assert forms(*scene) == pytest.approx(expected)


def test_height_counts_in_space_alone():
    """The same detections half a metre too high: 1 from above, 0 in space."""
    scene = many(lambda k: [(k, "car", shifted(CAR, z=0.5), score(k))])
    assert forms(*scene, view="3d") == [0] * 4


@pytest.mark.parametrize(("kind", "expected"), [("van", 1.0), ("truck", 0.5)])
def test_a_van_takes_a_detection_and_a_truck_does_not(kind, expected):
    """An extra detection a car, above all others in score, on an object of another kind."""
    n = 400
    far = shifted(CAR, 20)
    rows = sorted(
        [(k, "car", CAR) for k in range(n)] + [(k, kind, far) for k in range(n)], key=lambda row: row[0]
    )
    found = detections(*(row for k in range(n) for row in [(k, "car", CAR, score(k)), (k, "car", far, 0.99)]))
    assert forms(truth(*rows), found) == pytest.approx([expected] * 4)


@pytest.mark.parametrize(
    ("height", "occlusion", "truncation", "counting"),
    [
        pytest.param(40.0, 0, 0.15, {"easy", "moderate", "hard"}, id="just-easy"),
        pytest.param(39.99, 0, 0.0, {"moderate", "hard"}, id="a-little-low"),
        pytest.param(60.0, 1, 0.0, {"moderate", "hard"}, id="partly-hidden"),
        pytest.param(60.0, 2, 0.4, {"hard"}, id="largely-hidden"),
        pytest.param(60.0, 3, 0.0, set(), id="unknown"),
        pytest.param(24.9, 0, 0.0, set(), id="too-low"),
    ],
)
def test_difficulty_says_which_objects_count(height, occlusion, truncation, counting):
    """Where the object does not count there is no value; 40.00 px is high enough for easy."""
    objects = truth((0, "car", CAR, height, occlusion, truncation))
    found = average_precision(objects, detections((0, "car", CAR, 0.5)))
    assert {name for name in DIFFICULTIES if found["bev", "car", name] is not None} == counting


def test_heights_of_detections_are_whole_pixels():
    """40.9 px are enough for easy; 39.9 px are 39, and the detection is neither right nor wrong."""
    objects = truth((0, "car", CAR), (1, "car", CAR))
    for height, expected in ((40.9, 1.0), (39.9, 0.5)):
        found = detections((0, "car", CAR, 0.9), (1, "car", CAR, 0.8, height))
        assert average_precision(objects, found)["bev", "car", "easy"] == pytest.approx(expected)


def test_a_low_detection_of_another_class_takes_an_object():
    """Its height is looked at before its class: it stands on the car, which is then not missed either."""
    objects = truth((0, "car", CAR))
    found = detections((0, "pedestrian", CAR, 0.9, 20.0), (0, "car", CAR, 0.8))
    assert slow(objects, found, "bev", "car", "moderate", "kitti")[0] == []
    assert average_precision(objects, found)["bev", "car", "moderate"] == 0


def test_nothing_and_no_objects():
    """Without objects there is no value; without detections it is 0."""
    nothing = average_precision(truth(), detections())
    assert set(nothing.values()) == {None} and set(means_over_classes(nothing).values()) == {0}
    found = average_precision(truth((0, "car", CAR)), detections())
    assert found["3d", "car", "hard"] == 0 and found["3d", "cyclist", "hard"] is None


def test_means_are_over_classes_that_have_objects():
    """One class alone is its own mean."""
    objects = truth((0, "car", CAR), (1, "cyclist", CAR))
    found = average_precision(objects, detections((0, "car", CAR, 0.5)))
    assert means_over_classes(found)["bev", "easy"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"form": "voc"}, "form must be recall or kitti", id="form"),
        pytest.param({"recalls": 20}, "recalls 40 or 11", id="recalls"),
    ],
)
def test_other_forms_are_refused(changes, words):
    """No form stands in for another."""
    with pytest.raises(ValueError, match=words):
        average_precision(truth(), detections(), **changes)


def test_scenes_out_of_order_are_refused():
    """Pairs are looked for scene by scene."""
    with pytest.raises(ValueError, match="scene by scene"):
        average_precision(truth((1, "car", CAR), (0, "car", CAR)), detections())


# The kit's loops, as its source has them: one scene after the other, one threshold after the other.


def statuses(objects, found, name, difficulty):
    limits = DIFFICULTIES[difficulty]
    of_objects, of_found = [], []
    for kind, height, occlusion, truncation in zip(
        objects.kinds, objects.heights_px, objects.occlusion, objects.truncation, strict=True
    ):
        kind = KINDS[kind]
        valid = 1 if kind == name else 0 if kind == NEIGHBOURS[name] else -1
        ignore = occlusion > limits[1] or truncation > limits[2] or height < limits[0]
        of_objects.append(
            0 if valid == 1 and not ignore else 1 if valid == 0 or (valid == 1 and ignore) else -1
        )
    for kind, height in zip(found.kinds, found.heights_px, strict=True):
        if int(height) < limits[0]:
            of_found.append(1)
        else:
            of_found.append(0 if CLASSES[kind] == name else -1)
    return of_objects, of_found


def statistics(objects, found, shared, of_objects, of_found, least, threshold):
    """True and false detections of a scene, scores of the true ones; the first pass has no threshold."""
    scores = found.scores
    taken = [False] * len(scores)
    low = [threshold is not None and score < threshold for score in scores]
    tp, hits = 0, []
    for i, status in enumerate(of_objects):
        if status == -1:
            continue
        chosen, best_score, largest, chosen_low = -1, None, 0.0, False
        for j, other in enumerate(of_found):
            if other == -1 or taken[j] or low[j] or not shared[i][j] > least:
                continue
            if threshold is None:
                if best_score is None or scores[j] > best_score:
                    chosen, best_score = j, scores[j]
            elif other == 0 and (shared[i][j] > largest or chosen_low):
                chosen, largest, chosen_low = j, shared[i][j], False
            elif other == 1 and chosen == -1:
                chosen, chosen_low = j, True
        if chosen >= 0:
            taken[chosen] = True
            if status == 0 and of_found[chosen] == 0:
                tp += 1
                hits.append(scores[chosen])
    fp = sum(not (taken[j] or low[j]) and other == 0 for j, other in enumerate(of_found))
    return tp, fp, hits


def slow(objects, found, view, name, difficulty, form):
    """Scores of the first pass, and the two averages."""
    of_objects, of_found = statuses(objects, found, name, difficulty)
    number = of_objects.count(0)
    if not number:
        return [], None, None
    scenes = sorted(set(objects.scenes) | set(found.scenes))
    parts = []
    for scene in scenes:
        mine, theirs = np.flatnonzero(objects.scenes == scene), np.flatnonzero(found.scenes == scene)
        shared = np.array(
            [
                [overlaps([objects.boxes[i]], [found.boxes[j]])[VIEWS.index(view)][0] for j in theirs]
                for i in mine
            ]
        ).reshape(len(mine), len(theirs))
        picked = Detections(
            *(
                getattr(found, column)[theirs]
                for column in ("scenes", "kinds", "boxes", "scores", "heights_px")
            )
        )
        parts.append((objects, picked, shared, [of_objects[i] for i in mine], [of_found[j] for j in theirs]))
    least = LEAST_OVERLAP[name]
    hits = sorted((s for part in parts for s in statistics(*part, least, None)[2]), reverse=True)
    thresholds = []
    if form == "kitti":
        recall = 0.0
        for i, value in enumerate(hits):
            left = (i + 1) / number
            right = (i + 2) / number if i < len(hits) - 1 else left
            if right - recall < recall - left and i < len(hits) - 1:
                continue
            thresholds.append(value)
            recall += 1 / 40
    else:
        for k in range(41):
            needed = max(1, -(-k * number // 40))
            if needed <= len(hits):
                thresholds.append(hits[needed - 1])
    precision = np.zeros(41)
    for place, threshold in enumerate(thresholds[:41]):
        counts = [statistics(*part, least, threshold)[:2] for part in parts]
        tp, fp = np.sum(counts, axis=0)
        precision[place] = tp / (tp + fp) if tp + fp else 0
    precision = [precision[k:].max() for k in range(41)]
    return hits, float(np.mean(precision[::4])), float(np.mean(precision[1:]))


def crowd(rng, scenes, objects, found):
    """Crowded scenes where one object has several detections and one detection several objects."""
    rows, claims = [], []
    for scene in range(scenes):
        boxes = []
        for _ in range(rng.integers(1, objects + 1)):
            kind = KINDS[rng.integers(0, 6)]
            box = [*rng.uniform(0, 5, 2), 0, 3.9, 1.6, 1.5, rng.uniform(0, 0.3)]
            boxes.append(box)
            rows.append(
                (scene, kind, box, rng.uniform(20, 60), int(rng.integers(0, 4)), rng.choice([0, 0.2, 0.4]))
            )
        for _ in range(rng.integers(0, found + 1)):
            box = np.array(boxes[rng.integers(len(boxes))]) + rng.normal(0, 0.15, 7) * [1, 1, 0.5, 0, 0, 0, 0]
            name = CLASSES[rng.choice(3, p=[0.7, 0.15, 0.15])]
            claims.append((scene, name, box, rng.integers(0, 12) / 12, rng.uniform(20, 60)))
    return truth(*rows), detections(*claims)


@pytest.mark.parametrize("seed", range(6))
def test_every_value_is_that_of_the_kits_loops(seed):
    """Equal scores, several partners, low detections, neighbours; both forms, both numbers of positions."""
    objects, found = crowd(np.random.default_rng(seed), scenes=6, objects=6, found=10)
    for form in FORMS:
        fast = {
            recalls: average_precision(objects, found, form=form, recalls=recalls) for recalls in (11, 40)
        }
        for key in fast[40]:
            _, *expected = slow(objects, found, *key, form)
            assert [fast[11][key], fast[40][key]] == pytest.approx(expected, abs=1e-12), (form, key)


SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.sampled_from(FORMS), st.floats(0, 1))
def test_a_false_detection_raises_no_value(seed, form, score):
    """One that overlaps no object, of any score."""
    objects, found = crowd(np.random.default_rng(seed), scenes=2, objects=4, found=6)
    far = Detections(
        np.append(found.scenes, 2), np.append(found.kinds, 0), np.vstack([found.boxes, [shifted(CAR, 90)]]),
        np.append(found.scores, score), np.append(found.heights_px, 60.0),
    )  # fmt: skip
    before, after = (average_precision(objects, each, form=form) for each in (found, far))
    assert all(after[key] is None or after[key] <= before[key] + 1e-12 for key in before)


@given(SEEDS, st.data())
def test_taking_a_true_detection_away_raises_no_value(seed, data):
    """Objects apart with one detection each, and false ones: by true recall."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    objects = truth(*((k, "car", CAR) for k in range(n)))
    rows = [(k, "car", CAR, rng.uniform()) for k in range(n) if rng.uniform() < 0.8]
    false = [(k, "car", shifted(CAR, 30), rng.uniform()) for k in range(n) if rng.uniform() < 0.5]
    if not rows:
        return
    gone = data.draw(st.integers(0, len(rows) - 1))
    both = [
        average_precision(objects, detections(*sorted(each + false, key=lambda row: row[0])))
        for each in (rows, rows[:gone] + rows[gone + 1 :])
    ]
    assert both[1]["bev", "car", "easy"] <= both[0]["bev", "car", "easy"] + 1e-12


@given(SEEDS, st.sampled_from(FORMS))
def test_only_the_order_of_scores_counts(seed, form):
    """A strictly increasing map of scores changes nothing."""
    objects, found = crowd(np.random.default_rng(seed), scenes=2, objects=4, found=6)
    changed = Detections(
        found.scenes, found.kinds, found.boxes, np.exp(5 * found.scores) - 7, found.heights_px
    )
    assert average_precision(objects, found, form=form) == average_precision(objects, changed, form=form)
