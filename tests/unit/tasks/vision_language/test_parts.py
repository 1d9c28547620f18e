"""Frozen parts are what they are said to be, or refused by name."""

import gzip
import hashlib
import json
import os
import zipfile
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from codesign.tasks.vision_language.coco import decoded
from codesign.tasks.vision_language.encoder import CHANNELS, EfficientNetLite0, encoder_of, features_of
from codesign.tasks.vision_language.parts import (
    ENCODER,
    LANGUAGE,
    PackagedFile,
    PartError,
    check_part,
    encoder_weights,
    language_model,
    located,
    read_language,
    write_language,
)

WHY = "the extra of vision and language is not installed: make setup-vlm"


def packaged(content):
    """A file with pinned content."""
    return PackagedFile("none", "none 1.0", "a.gguf", hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("found", [b"weigh", b"weighty", b""], ids=["truncated", "other", "empty"])
def test_another_weight_file_is_refused_with_both_digests(tmp_path, found):
    """Truncated or exchanged: name, expected and found sha256."""
    file, path = packaged(b"weights"), tmp_path / "a.gguf"
    path.write_bytes(found)
    with pytest.raises(PartError) as refusal:
        check_part(file, path)
    for said in (str(path), file.sha256, hashlib.sha256(found).hexdigest(), "none 1.0"):
        assert said in str(refusal.value)
    path.write_bytes(b"weights")
    check_part(file, path)


def test_a_package_that_is_missing_is_named_with_the_command():
    """Also where it is asked for without the workflow."""
    with pytest.raises(PartError, match=r"a\.gguf comes with none 1\.0, which is not installed; make setup"):
        located(PackagedFile("no_such_package_of_anyone", "none 1.0", "a.gguf", "", 0))


@pytest.mark.parametrize("file", [ENCODER, LANGUAGE], ids=lambda file: file.package)
def test_installed_files_are_as_published(file):
    """Their digests are those pinned, their sizes too."""
    if find_spec(file.package) is None:
        pytest.skip(WHY)
    assert located(file).stat().st_size == file.size


def test_the_encoder_is_read_once_and_kept_as_safetensors(tmp_path):
    """Without its classifier; features average its map."""
    pytest.importorskip(ENCODER.package, reason=WHY)
    weights = encoder_weights(tmp_path)
    (kept,) = tmp_path.rglob("*.safetensors")
    assert set(load_file(kept)) == set(weights) == set(EfficientNetLite0().state_dict())
    encoder = encoder_of(weights)
    pictures = torch.randint(256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1)).byte()
    whole, averaged = features_of(encoder, pictures, 2), features_of(encoder, pictures, 1)
    assert whole.shape == (2, 4, CHANNELS)
    torch.testing.assert_close(whole.mean(dim=1), averaged[:, 0])
    with pytest.raises(ValueError, match="a grid of 3 places needs pictures of at least 65 pixels"):
        features_of(encoder, pictures, 3)


@pytest.mark.parametrize("side", [32, 33, 63, 64, 127])
def test_maps_have_a_place_for_each_32_pixels(side):
    """Rounded up, as the padding of the published network has it."""
    with torch.inference_mode():
        found = EfficientNetLite0().eval()(torch.zeros(1, 3, side, side))
    assert found.shape == (1, CHANNELS, -(-side // 32), -(-side // 32))


def test_a_language_model_comes_back_as_it_was_written(toy_language, tmp_path):
    """The tied head is written once; a changed byte is refused."""
    folder = tmp_path / "language"
    write_language(toy_language.model, toy_language.tokenizer, folder)
    again = read_language(folder, "1" * 64)
    assert again.sha256 == "1" * 64
    tokens = torch.tensor([[2, 4, 8, 9]])
    with torch.inference_mode():
        assert torch.equal(again.model(tokens).logits, toy_language.model(tokens).logits)
    assert again.tokenizer.eos_token_id == toy_language.tokenizer.eos_token_id
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    assert "quantization_config" not in json.loads((folder / "config.json").read_text())
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x00" if file.read(1) != b"\x00" else b"\x01")
    with pytest.raises(PartError, match=r"is not what was written: expected sha256 .*, found .*; remove"):
        read_language(folder, "1" * 64)


def test_a_language_model_is_written_whole_or_not_at_all(toy_language, tmp_path):
    """The first of two writers wins, and changes nothing under its readers; leftovers are made anew."""
    folder = tmp_path / "language"
    folder.mkdir()
    (folder / "config.json").write_text("{")  # without a record: a writer of old was killed
    write_language(toy_language.model, toy_language.tokenizer, folder)
    stamps = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    write_language(toy_language.model, toy_language.tokenizer, folder)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == stamps
    assert read_language(folder, "1" * 64).model.config.hidden_size == 24

    class Broken:
        def save_pretrained(self, folder):
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        write_language(toy_language.model, Broken(), tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["language"]


@pytest.mark.parametrize("said", [None, "", "[]", "{}"], ids=["missing", "empty", "list", "other"])
def test_a_record_that_says_nothing_is_refused_with_the_remedy(toy_language, tmp_path, said):
    """File and what to do."""
    write_language(toy_language.model, toy_language.tokenizer, tmp_path / "language")
    record = tmp_path / "language/converted.json"
    record.unlink() if said is None else record.write_text(said)
    with pytest.raises(PartError, match=r"converted\.json: not readable .*; remove .*, and it is made again"):
        read_language(tmp_path / "language", "1" * 64)


@pytest.mark.slow
def test_the_real_language_model_is_converted_and_read_again(tmp_path):
    """From the package's GGUF file, 538 MB; it goes on with a sentence as a language model does."""
    pytest.importorskip("transformers", reason=WHY)
    pytest.importorskip("gguf", reason=WHY)
    if find_spec(LANGUAGE.package) is None:
        pytest.skip(WHY)
    language_model.cache_clear()
    found = language_model(tmp_path)
    assert found.sha256 == LANGUAGE.sha256 and found.model.config.hidden_size == 576
    assert not any(each.requires_grad for each in found.model.parameters())
    tokens = torch.tensor([found.tokenizer("The capital of France is")["input_ids"]])
    with torch.inference_mode():
        said = int(found.model(tokens).logits[0, -1].argmax())
    assert found.tokenizer.decode([said]) == " Paris"
    (folder,) = (tmp_path / "vision_language").iterdir()
    written = (folder / "model.safetensors").stat().st_mtime_ns
    language_model.cache_clear()
    again = language_model(tmp_path)
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    with torch.inference_mode():
        assert torch.equal(again.model(tokens).logits, found.model(tokens).logits)
    language_model.cache_clear()
    rmtree(folder)


MIRROR = Path(os.environ.get("CODESIGN_MIRROR", Path(__file__).resolve().parents[5] / "shared" / "data"))
CLASSES = {"zebra": {340}, "elephant": {385, 386}, "bear": {294, 295, 296, 297}}
"""Categories of MSCOCO to classes of ImageNet that are the same thing."""


def test_the_encoder_sees_what_it_was_trained_to_see():
    """With its published classifier behind it photographs of animals are called by name: layers, padding and
    what bytes are divided by are those it was trained with. Looking changes no bit of it."""
    pytest.importorskip(ENCODER.package, reason=WHY)
    if not (MIRROR / "coco_small/images.zip").is_file():
        pytest.skip(f"no mirror with coco_small in {MIRROR}")
    stored = torch.load(located(ENCODER), weights_only=True)
    encoder = encoder_of(encoder_weights(None))
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    rows = map(json.loads, gzip.decompress((MIRROR / "coco_small/images.jsonl.gz").read_bytes()).splitlines())
    asked = [(row["image_id"], name) for row in rows for name in CLASSES if name in row["counts"]]
    with zipfile.ZipFile(MIRROR / "coco_small/images.zip") as archive:
        pictures = np.stack([decoded(archive.read(f"{number:012d}.jpg"), "a picture") for number, _ in asked])
    features = features_of(encoder, torch.from_numpy(pictures).permute(0, 3, 1, 2), 1)[:, 0]
    found = (features @ stored["_fc.weight"].T + stored["_fc.bias"]).argmax(dim=1).tolist()
    right = sum(said in CLASSES[name] for said, (_, name) in zip(found, asked, strict=True))
    assert len(asked) >= 5 and right > len(asked) / 2
    after = encoder.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert not any(each.requires_grad for each in encoder.parameters())
