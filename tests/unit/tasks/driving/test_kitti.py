"""Frames of KITTI: what is read of them, the chain on them, and what is refused."""

import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codesign.tasks.contract import DataSettings
from codesign.tasks.driving import kitti
from codesign.tasks.driving.anchors import targets_of
from codesign.tasks.driving.augment import pool_of
from codesign.tasks.driving.camera import image_boxes, upright_boxes
from codesign.tasks.driving.network import Output
from codesign.tasks.driving.precision import CLASSES, KINDS
from codesign.tasks.driving.scenes import Scenes
from codesign.tasks.driving.scores import PrecisionScorer, metric_names
from codesign.tasks.driving.task import TASK, area_of
from codesign.tasks.remote import DataError

MINI = [*(f"{k:06d}" for k in (*range(11), 21, 134)), "002155", "007347"]
FULL = {"area": "full", "stride": 2, "split": "drawn"}


def of_mini(frames):
    found = Path(frames) / "kitti"
    if not all((found / "training" / "velodyne" / f"{frame}.bin").is_file() for frame in MINI):
        pytest.skip("the mirror has other frames of KITTI")
    return found


def test_points_in_boxes_are_those_counted_elsewhere(frames):
    """Fifteen frames, every object but DontCare; whole sweeps would be cut to as many points."""
    folder = of_mini(frames)
    told = folder / "frames.json"
    if not told.is_file():
        pytest.skip("frames.json, which has the counts, is not there")
    for row in json.loads(told.read_text()):
        scene = kitti.scene_of(folder / "training", row["frame"])
        assert len(scene.points) == row["points_staged"]
        assert scene.counts.tolist() == [each["points_in_box"] for each in row["objects"]]
        assert [KINDS[kind] for kind in scene.kinds] == [each["type"].lower() for each in row["objects"]]


def test_labels_and_boxes_of_the_lidar_are_one_another(frames):
    """There and back to rounding; corners seen in the image are those of the labelled rectangles."""
    folder = of_mini(frames)
    heights, labelled = [], []
    for frame in MINI:
        scene = kitti.scene_of(folder / "training", frame)
        back = upright_boxes(scene.boxes, scene.camera)
        np.testing.assert_allclose(back[:, :6], scene.upright[:, :6], atol=1e-9)
        turns = (back[:, 6] - scene.upright[:, 6]) / (2 * math.pi)
        np.testing.assert_allclose(turns, np.round(turns), atol=1e-9)
        rectangles, cut = image_boxes(scene.upright, scene.camera)
        whole = (scene.truncation == 0) & (cut < 0.01) & (scene.heights_px > 30)
        heights += (rectangles[:, 3] - rectangles[:, 1])[whole].tolist()
        labelled += scene.heights_px[whole].tolist()
    # people drew the rectangles around what they saw
    assert len(heights) > 30 and np.median(np.abs(np.array(heights) / labelled - 1)) < 0.1


def test_the_chain_fed_with_its_own_targets_finds_everything(frames, telling):
    """Fourteen frames at the published size; objects beyond the area have no anchor and are set aside."""
    folder = of_mini(frames)
    scenes = [
        kitti.scene_of(folder / "training", frame) for frame in MINI if kitti.may_be_scored(folder, frame)
    ]
    assert len(scenes) == 14
    area = area_of(FULL)
    batch = replace(Scenes.of(scenes), area=area).chosen(torch.arange(14))
    inside = (batch.boxes[:, 0] < area.forward_m) & (batch.boxes[:, 1].abs() < area.sideways_m)
    batch = replace(batch, occlusion=torch.where(inside & (batch.counts > 0), batch.occlusion, 3))
    scorer = PrecisionScorer()
    scorer.update(telling(targets_of(batch)), batch)
    assert scorer.compute() == dict.fromkeys(metric_names(), 1.0)


def test_a_frame_with_lines_missing_is_not_scored(frames, capsys):
    """002155 is learnt from at most; the others are there once."""
    of_mini(frames)
    settings = DataSettings("kitti", 0.3, 1, FULL, mirror=Path(frames))
    parts = dict(
        zip(
            ("train", "validation", "test"),
            TASK.examples(settings, "train", "validation", "test"),
            strict=True,
        )
    )
    sizes = {part: len(scenes) for part, scenes in parts.items()}
    used = {part: kitti.frames_of(settings, part) for part in parts}
    assert sorted(frame for each in used.values() for frame in each) == MINI
    short = next(part for part, each in used.items() if "002155" in each)
    assert sizes[short] == len(used[short]) - (short != "train")
    assert ("002155: its labels lack lines" in capsys.readouterr().out) == (short != "train")
    assert parts["test"].source.dataset == "KITTI object" and "drawn split" in parts["test"].source.variant


CALIBRATION = (
    "P2: 700 0 600 40 0 700 180 0 0 0 1 0\n"
    "R0_rect: 1 0 0 0 1 0 0 0 1\n"
    "Tr_velo_to_cam: 0 -1 0 0 0 0 -1 -0.08 1 0 0 -0.27\n"
)
LINE = "Car 0.00 0 -1.57 400.00 150.00 500.00 200.00 1.50 1.60 3.90 -2.00 1.60 20.00 -1.57"
POINTS = np.array([[20, 2, -1, 0.3], [20, 2, -0.5, 0.3], [30, 0, 0, 0.1], [-5, 0, 0, 0.2]], dtype="<f4")


def write(folder, frame="000000", *, points=POINTS, labels=LINE, calibration=CALIBRATION):
    for name in ("velodyne", "label_2", "calib"):
        (folder / "kitti" / "training" / name).mkdir(parents=True, exist_ok=True)
    training = folder / "kitti" / "training"
    content = points if isinstance(points, bytes) else np.asarray(points, dtype="<f4").tobytes()
    (training / "velodyne" / f"{frame}.bin").write_bytes(content)
    (training / "label_2" / f"{frame}.txt").write_text(labels + "\n")
    (training / "calib" / f"{frame}.txt").write_text(calibration)
    return training


def test_a_frame_is_read_as_it_stands(tmp_path):
    """The point behind the camera is cut off; a car seen along the road lies along x in the lidar."""
    scene = kitti.scene_of(write(tmp_path), "000000")
    assert len(scene.points) == 3 and scene.counts.tolist() == [2]
    np.testing.assert_allclose(scene.boxes[0], [20.27, 2.0, -0.93, 3.9, 1.6, 1.5, 0.0], atol=1e-3)
    assert scene.heights_px.tolist() == [50.0]
    assert scene.camera.image.tolist() == [1242, 375]


def test_the_image_says_how_large_it_is(tmp_path):
    """From the header of a PNG; it need not be decoded."""
    training = write(tmp_path)
    (training / "image_2").mkdir()
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 1224, 370)
    (training / "image_2" / "000000.png").write_bytes(head)
    assert kitti.scene_of(training, "000000").camera.image.tolist() == [1224, 370]
    (training / "image_2" / "000000.png").write_bytes(b"GIF89a")
    with pytest.raises(DataError, match=r"frame 000000: .*000000.png is no PNG"):
        kitti.scene_of(training, "000000")
    (training / "image_2" / "000000.png").write_bytes(head[:16] + bytes(8))
    with pytest.raises(DataError, match=r"frame 000000: .*000000.png is an image of 0 x 0 pixels"):
        kitti.scene_of(training, "000000")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param(
            {"labels": LINE[:-6]}, r"label_2/000000.txt, line 1: 14 numbers .* 13 found", id="short"
        ),
        pytest.param({"labels": f"{LINE}\nTank{LINE[3:]}"}, r"line 2: there is no kind .* 'Tank'", id="kind"),
        pytest.param({"labels": LINE.replace(" 0 ", " 4 ", 1)}, "line 1: occlusion must be", id="occlusion"),
        pytest.param({"labels": LINE.replace("0.00", "1.20", 1)}, "truncation must lie", id="truncation"),
        pytest.param({"labels": LINE.replace("1.50", "-1.5", 1)}, "must be positive, got -1.5", id="size"),
        pytest.param(
            {"labels": LINE.replace("150.00", "250.00", 1)},
            "line 1: right and bottom must not be less .* 250.00 500.00 200.00",
            id="rectangle",
        ),
        pytest.param({"labels": LINE[:-5] + "-90.0"}, "line 1: the turn must be in radians", id="degrees"),
        pytest.param({"labels": LINE + " 0.97"}, "line 1: 14 numbers are expected and 15", id="with-a-score"),
        pytest.param({"labels": LINE.replace("20.00", "nan")}, "line 1: a number is not finite", id="nan"),
        pytest.param({"labels": LINE.replace("20.00", "20,0")}, "line 1: could not convert", id="comma"),
        pytest.param({"points": POINTS.tobytes()[:-3]}, "61 bytes, which is no whole number", id="cut-off"),
        pytest.param({"points": b""}, "has 0 bytes", id="empty"),
        pytest.param({"points": POINTS * [1, 1, 1, 255]}, "point 1 has the reflectance 76.5", id="bytes"),
        pytest.param({"points": POINTS * [[1], [np.nan], [1], [1]]}, "point 2 of 4 is not finite", id="inf"),
        pytest.param({"points": POINTS[3:]}, "no point of velodyne/000000.bin is in the image", id="outside"),
        pytest.param({"calibration": CALIBRATION[:40]}, "has no line R0_rect:", id="no-matrix"),
        pytest.param({"calibration": CALIBRATION[:-6]}, "line 3: 12 numbers .* 11 found", id="short-matrix"),
        pytest.param(
            {"calibration": CALIBRATION.replace("R0_rect: 1", "R0_rect: 2")},
            "R0_rect is no rotation",
            id="turn",
        ),
    ],
)
def test_frames_that_cannot_be_right_are_refused(tmp_path, changes, words):
    """With frame or file, line, what is wrong with it."""
    training = write(tmp_path, **changes)
    with pytest.raises(DataError, match=words):
        kitti.scene_of(training, "000000")


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("velodyne/000000.bin", "frame 000000: .*velodyne/000000.bin is missing"),
        ("label_2/000000.txt", "frame 000000: .*label_2/000000.txt (is|are) missing"),
        ("calib/000000.txt", "frame 000000: .*calib/000000.txt is missing"),
    ],
)
def test_missing_files_are_named(tmp_path, gone, words):
    """By the reading of a frame, and by the digest before it."""
    training = write(tmp_path)
    (training / gone).unlink()
    with pytest.raises(DataError, match=words):
        kitti.scene_of(training, "000000")
    with pytest.raises(DataError, match="000000"):
        kitti.digest_of(tmp_path / "kitti", ["000000"])


@pytest.mark.parametrize("name", ["label_2", "calib"])
def test_files_that_are_no_text_are_named(tmp_path, name):
    """With the line; a mark of the byte order before a text is none of it."""
    path = write(tmp_path) / name / "000000.txt"
    good = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n"))
    assert len(kitti.scene_of(tmp_path / "kitti" / "training", "000000").kinds) == 1
    path.write_bytes(good + b"\xff\xfe")
    line = good.count(b"\n") + 1
    with pytest.raises(DataError, match=rf"{name}/000000.txt, line {line}: no text in UTF-8"):
        kitti.scene_of(tmp_path / "kitti" / "training", "000000")


def test_rounding_in_a_calibration_is_no_fault(tmp_path):
    """Rotations are written with few digits; a hundredth is more than that."""
    for noise, fine in ((1e-4, True), (1e-2, False)):
        changed = CALIBRATION.replace("R0_rect: 1 0", f"R0_rect: {1 - noise} {noise}")
        training = write(tmp_path, calibration=changed)
        if fine:
            assert kitti.scene_of(training, "000000").counts.tolist() == [2]
        else:
            with pytest.raises(DataError, match=r"frame 000000: .*R0_rect is no rotation; copy it again"):
                kitti.scene_of(training, "000000")


def test_labels_of_another_frame_are_suspected(tmp_path, capsys):
    """Objects that are plain to see and have no point; a hidden one may have none."""
    near = LINE.replace("-2.00 1.60 20.00", "3.00 1.60 12.00")
    for labels, said in (
        (LINE, 0),
        (f"{LINE}\n{near}", 0),
        (near, 1),
        (near.replace(" 0 ", " 2 ", 1), 0),
    ):
        kitti.scene_of(write(tmp_path, labels=labels), "000000")
        found = capsys.readouterr().out
        assert found.count("frame 000000: there is no point in any of the 1 objects") == said


DONT_CARE = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"


@pytest.mark.parametrize("labels", ["", "\n\n", DONT_CARE], ids=["empty", "blank", "dont-care"])
def test_frames_without_objects_are_learnt_from_and_scored(tmp_path, labels):
    """All of it is background; beside a frame with a car its false detection counts."""
    write(tmp_path, "000000", labels=labels)
    write(tmp_path, "000001")
    made = kitti.scenes_of(tmp_path / "kitti", ["000000", "000001"])
    assert [len(scene.kinds) for scene in made] == [0, 1]
    scenes = replace(Scenes.of(made), area=area_of({"area": "near", "stride": 2}))
    empty, both = scenes.chosen(torch.tensor([0])), scenes.chosen(torch.tensor([0, 1]))
    assert not len(pool_of(scenes.part(torch.tensor([0]))).kinds)
    targets = targets_of(empty)
    anchors = targets.labels.shape[1]
    assert not len(targets.scenes) and not targets.labels.any()
    scores = torch.full((2, anchors, 3), -9.0)
    scores[0, 6 * 3000, 0] = 2.0
    output = Output(scores, torch.zeros(2, anchors, 7), torch.zeros(2, anchors, 2))
    loss, _ = TASK.loss(Output(*(each[:1] for each in output)), empty)
    assert math.isfinite(float(loss)) and float(loss) > 0
    targets = targets_of(both)
    scores[1, targets.anchors, 0] = 1.0
    output.codes[1, targets.anchors] = targets.codes
    output.directions[1, targets.anchors, targets.directions] = 5.0
    scorer = PrecisionScorer()
    scorer.update(output, both)
    assert scorer.compute()["bev-car-moderate"] == 0.5


def many(folder, number=8):
    for k in range(number):
        write(folder, f"{k:06d}")
    return folder


def settings_of(folder, **options):
    return DataSettings("kitti", 0.25, 1, FULL | options, mirror=folder)


def test_splits_are_the_users_files(tmp_path):
    """Frames of val.txt are tested on, a quarter of those of train.txt validate."""
    many(tmp_path)
    (tmp_path / "kitti" / "ImageSets").mkdir()
    (tmp_path / "kitti" / "ImageSets" / "train.txt").write_text("000000\n000002\n000003\n000005\n")
    (tmp_path / "kitti" / "ImageSets" / "val.txt").write_bytes(b"\xef\xbb\xbf000007\r\n000001\r\n \r\n\r\n")
    settings = settings_of(tmp_path, split="files")
    parts = [kitti.frames_of(settings, part) for part in ("train", "validation", "test")]
    assert parts[2] == ["000001", "000007"] and [len(part) for part in parts] == [3, 1, 2]
    assert sorted(parts[0] + parts[1]) == ["000000", "000002", "000003", "000005"]


def test_files_that_a_disk_leaves_behind_are_no_frames(tmp_path):
    """Some systems put ._ before a name."""
    many(tmp_path, 4)
    (tmp_path / "kitti" / "training" / "velodyne" / "._000000.bin").write_bytes(b"what is in it")
    parts = [kitti.frames_of(settings_of(tmp_path), part) for part in ("train", "validation", "test")]
    assert sorted(frame for part in parts for frame in part) == [f"{k:06d}" for k in range(4)]


def test_drawn_splits_repeat_themselves_and_are_disjoint(tmp_path):
    """Half for testing; sizes take some of a part."""
    many(tmp_path)
    settings = settings_of(tmp_path)
    parts = [kitti.frames_of(settings, part) for part in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [3, 1, 4] and len(set().union(*parts)) == 8
    assert parts[2] == kitti.frames_of(settings, "test")
    assert set(kitti.frames_of(settings_of(tmp_path, test_size=2), "test")) < set(parts[2])
    with pytest.raises(ValueError, match="test_size asks for 9 frames of KITTI, there are 4"):
        kitti.frames_of(settings_of(tmp_path, test_size=9), "test")


def test_splits_that_cannot_be_are_refused(tmp_path):
    """A missing list, a frame that is not there, one in both lists, no folder at all."""
    with pytest.raises(DataError, match=r"velodyne is missing: put KITTI's object data"):
        kitti.frames_of(settings_of(tmp_path), "test")
    with pytest.raises(DataError, match="from a mirror and none is named"):
        kitti.frames_of(DataSettings("kitti", 0.25, 1, FULL), "test")
    training = write(tmp_path)
    (training / "velodyne" / "000000.bin").unlink()
    with pytest.raises(DataError, match=r"velodyne has no \*.bin: put KITTI's object data"):
        kitti.frames_of(settings_of(tmp_path), "test")
    many(tmp_path, 1)
    with pytest.raises(DataError, match=r"kitti: split drawn leaves no frame for test; put more"):
        TASK.examples(settings_of(tmp_path), "test")
    many(tmp_path, 3)
    with pytest.raises(DataError, match=r"ImageSets/train.txt is missing; .* split: drawn"):
        kitti.frames_of(settings_of(tmp_path, split="files"), "train")
    lists = tmp_path / "kitti" / "ImageSets"
    lists.mkdir()
    (lists / "train.txt").write_text("000000\n000009\n")
    (lists / "val.txt").write_text("000000\n")
    with pytest.raises(DataError, match=r"train.txt, line 2: frame '000009' has no"):
        kitti.frames_of(settings_of(tmp_path, split="files"), "train")
    (lists / "train.txt").write_text("000000\n000001\n")
    with pytest.raises(DataError, match=r"both name 000000"):
        kitti.frames_of(settings_of(tmp_path, split="files"), "train")


def test_scenes_kept_are_the_scenes_read(tmp_path):
    """Other labels are other scenes; the same ones come from the cache."""
    many(tmp_path)
    settings = replace(settings_of(tmp_path), cache=tmp_path / "cache")
    (first,), (again,) = TASK.examples(settings, "test"), TASK.examples(settings, "test")
    assert torch.equal(first.points, again.points) and torch.equal(first.boxes, again.boxes)
    frame = kitti.frames_of(settings, "test")[0]
    write(tmp_path, frame, labels=LINE.replace("Car", "Cyclist"))
    (other,) = TASK.examples(settings, "test")
    assert KINDS[int(other.kinds[0])] == "cyclist" and CLASSES[int(first.kinds[0])] == "car"
    assert other.source.sha256 != first.source.sha256
    # the size of an image says what is cut off
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 1242, 200)
    (tmp_path / "kitti" / "training" / "image_2").mkdir()
    (tmp_path / "kitti" / "training" / "image_2" / f"{frame}.png").write_bytes(head)
    (smaller,) = TASK.examples(settings, "test")
    assert smaller.image[0].tolist() == [1242, 200] and len(smaller.points) < len(other.points)
