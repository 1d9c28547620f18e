"""Frozen parts are what they are said to be, or refused by name."""

import hashlib
import json
from importlib.util import find_spec

import pytest
import torch
from safetensors.torch import load_file

from codesign.tasks.vision_language.encoder import CHANNELS, EfficientNetLite0, encoder_of, features_of
from codesign.tasks.vision_language.parts import (
    ENCODER,
    LANGUAGE,
    PackagedFile,
    PartError,
    check_part,
    encoder_weights,
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
    write_language(toy_language.model, toy_language.tokenizer, tmp_path)
    again = read_language(tmp_path, "1" * 64)
    assert again.sha256 == "1" * 64
    tokens = torch.tensor([[2, 4, 8, 9]])
    with torch.inference_mode():
        assert torch.equal(again.model(tokens).logits, toy_language.model(tokens).logits)
    assert again.tokenizer.eos_token_id == toy_language.tokenizer.eos_token_id
    assert "lm_head.weight" not in load_file(tmp_path / "model.safetensors")
    assert "quantization_config" not in json.loads((tmp_path / "config.json").read_text())
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x00" if file.read(1) != b"\x00" else b"\x01")
    with pytest.raises(PartError, match=r"is not what was written: expected sha256 .*, found .*; remove"):
        read_language(tmp_path, "1" * 64)
