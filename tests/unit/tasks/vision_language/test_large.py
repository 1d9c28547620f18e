"""MiniGPT-4's own parts at a toy's size, of the same classes: read, trained, written, refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from codesign.models.weights import load_weights, write_weights
from codesign.tasks.contract import DataSettings
from codesign.tasks.vision_language import large, published
from codesign.tasks.vision_language.blip2 import blip2_encoder, blip2_features
from codesign.tasks.vision_language.examples import examples_of
from codesign.tasks.vision_language.large import large_answering, large_language
from codesign.tasks.vision_language.network import Output, said_of
from codesign.tasks.vision_language.parts import PartError
from codesign.tasks.vision_language.published import located, read_tensors, repository, weights_of
from codesign.tasks.vision_language.questions import MINIGPT4, QUESTIONS
from codesign.tasks.vision_language.task import TASK
from tests.unit.tasks.vision_language.toys import (
    CHANNELS,
    OPTIONS,
    QUERIES,
    SIDE,
    WIDTH,
    llama,
    projection,
)

transformers = pytest.importorskip("transformers", reason="the extra is not installed: make setup-vlm")

ASKED = QUESTIONS["scenes"]


@pytest.fixture
def settings(mirror, tmp_path):
    """Few generated pictures, looked at with the toy parts."""
    return DataSettings("scenes", 0.2, 5, OPTIONS, mirror=mirror, cache=tmp_path / "cache")


@pytest.fixture
def copied(mirror, tmp_path):
    """Settings with a mirror of their own, to be spoilt."""
    shutil.copytree(mirror, tmp_path / "mirror")
    return DataSettings("scenes", 0.2, 5, OPTIONS, mirror=tmp_path / "mirror", cache=tmp_path / "cache")


def network_and_batch(settings, part="train"):
    """The network at its start, and all examples of a part."""
    examples = examples_of(settings, part)
    network = TASK.network("minigpt4", settings.options, settings, None)
    return network, examples.chosen(torch.arange(len(examples)))


def test_only_shards_with_the_encoder_are_read(copied):
    """The index names them: the others may be missing."""
    folder = copied.mirror / "toy/blip2"
    shards = weights_of(repository("toy/blip2", copied, option="encoder"), wanted=("vision_model.",)).shards
    every = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    assert len(shards) > 1
    wanted = {shard for name, shard in every.items() if not name.startswith("language_")}
    unread = set(every.values()) - wanted
    assert unread
    for shard in unread:
        (folder / shard).unlink()
    encoder = blip2_encoder(copied)
    assert not any(each.requires_grad for each in encoder.parameters())
    records = {path.stem for path in (copied.cache / "vision_language/published/toy--blip2").glob("*.json")}
    assert records == {*wanted, "config.json", "model.safetensors.index.json"}


@torch.inference_mode()
def test_the_encoder_sees_what_blip2_sees(settings, mirror):
    """Normalisation, vision transformer and Q-Former are those of the published model."""
    pictures = torch.randint(256, (3, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1)).byte()
    whole = transformers.Blip2ForConditionalGeneration.from_pretrained(mirror / "toy/blip2").eval()
    processor = transformers.BlipImageProcessor(size={"height": SIDE, "width": SIDE})
    given = processor(list(pictures), return_tensors="pt")["pixel_values"]
    seen = whole.vision_model(pixel_values=given).last_hidden_state
    queries = whole.query_tokens.expand(3, -1, -1)
    expected = whole.qformer(query_embeds=queries, encoder_hidden_states=seen).last_hidden_state
    found = blip2_features(blip2_encoder(settings), pictures)
    assert found.shape == (3, QUERIES, CHANNELS)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_what_was_seen_is_kept_and_not_standardised(settings, monkeypatch):
    """As the published projection was trained; the encoder's digest is in the name and in every result."""
    first = examples_of(settings, "train")
    monkeypatch.setattr(
        "codesign.tasks.vision_language.pictures.blip2_encoder", None
    )  # called, it would fail
    again = examples_of(settings, "train")
    assert torch.equal(first.features, again.features) and first.features.shape == (8, QUERIES, CHANNELS)
    (kept,) = (settings.cache / "vision_language").glob("features-*.safetensors")
    assert torch.equal(load_file(kept)["features"], first.features)
    assert first.source.variant.startswith("toy/blip2 (sha256 ")
    assert kept.name.split("-")[1] in first.source.variant


def test_the_projection_alone_learns_from_the_published_one(settings, mirror):
    """Weight decay and gradients reach two tensors; not a bit of the language model changes."""
    network, batch = network_and_batch(settings)
    stored = torch.load(mirror / "spaces/toy/minigpt4/projection.pth", weights_only=True)["model"]
    assert torch.equal(network.module.projection.weight, stored["llama_proj.weight"])
    assert torch.equal(network.module.projection.bias, stored["llama_proj.bias"])
    before = {name: tensor.clone() for name, tensor in network.module.language.state_dict().items()}
    optimiser = torch.optim.AdamW(list(network.state().values()), lr=0.03, weight_decay=0.05)
    losses = []
    for _ in range(30):
        network.train()
        loss, count = TASK.loss(said_of(network.module, batch), batch)
        optimiser.zero_grad()
        loss.backward()
        learnt = [name for name, each in network.module.named_parameters() if each.grad is not None]
        assert learnt == ["projection.weight", "projection.bias"]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert count == 24 and losses[-1] < 0.8 * losses[0]
    after = network.module.language.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert network.analog == ("projection.weight",) and list(network.state()) == learnt


@torch.no_grad()
def test_the_loss_is_that_of_the_answer_and_its_end_behind_minigpt4s_prompt(settings):
    """Each example read alone from its first token, as text, without a cache."""
    network, batch = network_and_batch(settings)
    network.train()
    module, language = network.module, network.module.language
    losses = said_of(module, batch).losses
    words = language.get_input_embeddings()
    for row in range(len(batch)):
        question = ASKED[int(batch.question[row])]
        before, after = ["###Human: <Img>", f"</Img> {question.text} ###Assistant:"]
        answer = question.answers[int(batch.answer[row])] + "###"
        tokens = [
            torch.tensor([module._tokenizer(text, add_special_tokens=False)["input_ids"]])
            for text in (before, after, answer)
        ]
        first = torch.tensor([[module._tokenizer.bos_token_id]])
        seen = module.projection(batch.features[row : row + 1])
        read = torch.cat([words(first), words(tokens[0]), seen, words(tokens[1]), words(tokens[2])], dim=1)
        logits = language(inputs_embeds=read, use_cache=False).logits[0]
        said = tokens[2][0]
        expected = torch.nn.functional.cross_entropy(logits[-len(said) - 1 : -1], said)
        torch.testing.assert_close(losses[row], expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_answers_are_written_as_transformers_generates_them(settings):
    """Greedily, cut at what ends an answer; every example is written."""
    network, batch = network_and_batch(settings, "test")
    module = network.module.eval()
    output = said_of(module, batch)
    written = output.written()
    assert output.scores is None and len(written) == len(batch) == 15
    words = module.language.get_input_embeddings()
    for row in range(0, len(batch), 4):
        prompt = module._prompts[int(batch.question[row])]
        seen = module.projection(batch.features[row : row + 1])
        parts = [words(torch.tensor([prompt.before])), seen, words(torch.tensor([prompt.after]))]
        read = torch.cat(parts, dim=1)
        tokens = module.language.generate(
            inputs_embeds=read, attention_mask=torch.ones(read.shape[:2]), do_sample=False,
            max_new_tokens=MINIGPT4.longest, pad_token_id=2, eos_token_id=2,
        )  # fmt: skip
        text = module._tokenizer.decode(tokens[0], skip_special_tokens=True)
        assert written[row] == text.split("###")[0].strip()
    scorer = TASK.scorer(details=True)
    scorer.update(output, batch)
    assert set(scorer.compute()) == {"accuracy", "shape", "count", "colour"}
    assert [row["written"] for row in scorer.details()] == written


@torch.no_grad()
def test_written_answers_count_by_the_rule_of_words(settings, monkeypatch):
    """A hit where the right answer occurs; a projection that gives no number answers nothing."""
    network, batch = network_and_batch(settings, "test")
    module = network.module.eval()
    right = [ASKED[q].answers[a] for q, a in zip(batch.question.tolist(), batch.answer.tolist(), strict=True)]
    said = [f"It is the {each.upper()}." if k % 3 else "I cannot say" for k, each in enumerate(right)]
    monkeypatch.setattr(type(module), "write", lambda self, seen, question: said)
    scorer = TASK.scorer()
    scorer.update(said_of(module, batch), batch)
    assert scorer.compute() == {"accuracy": pytest.approx(2 / 3), "shape": 0.0, "count": 1.0, "colour": 1.0}
    monkeypatch.undo()
    module.projection.bias.fill_(torch.nan)
    assert module.write(module.projection(batch.features), batch.question) == [""] * len(batch)


@torch.no_grad()
def test_an_airplane_is_a_plane_where_answers_are_written(settings, monkeypatch):
    """MiniGPT-4 calls CIFAR-10's classes by their own names, too: score and figure count them."""
    network, batch = network_and_batch(settings, "test")
    network.module.eval()
    asked = QUESTIONS["cifar10"][0]
    names = [asked.answers.index(each) for each in ("plane", "car", "car", "plane", "cat")]
    said = ["It is an airplane.", "an automobile", "a cart", "a planet", "two cats"]
    batch = replace(
        batch, source="cifar10", question=torch.zeros_like(batch.question),
        answer=torch.tensor(names * 3), number=torch.arange(15),
        pixels=batch.pixels[:1].expand(15, -1, -1, -1),
    )  # fmt: skip
    output = Output(None, torch.zeros(15), lambda: said * 3)
    scorer = TASK.scorer(details=True)
    scorer.update(output, batch)
    assert scorer.compute() == {"accuracy": pytest.approx(2 / 5)}
    assert [row["hit"] for row in scorer.details()] == [True, True, False, False, False] * 3


def test_a_network_is_saved_without_its_frozen_parts_and_read_again_offline(settings, tmp_path, monkeypatch):
    """The trained file holds the projection, and names the language model."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    network, batch = network_and_batch(settings, "test")
    with torch.no_grad():
        network.module.projection.weight.mul_(1.5)
    network.module.eval()
    before = said_of(network.module, batch)
    state = {name: tensor.detach().clone() for name, tensor in network.state().items()}
    write_weights(state, tmp_path / "weights.safetensors", metadata={"frozen": dict(network.frozen)})
    assert set(load_file(tmp_path / "weights.safetensors")) == {"projection.weight", "projection.bias"}
    again = TASK.network("minigpt4", settings.options, settings, None)
    load_weights(again, tmp_path / "weights.safetensors")
    again.module.eval()
    found = said_of(again.module, batch)
    assert torch.equal(found.losses, before.losses) and found.written() == before.written()


def test_a_language_model_of_another_width_is_refused_with_both_numbers_and_files(copied):
    """A projection belongs to one language model."""
    shutil.rmtree(copied.mirror / "toy/vicuna")
    llama(copied.mirror / "toy/vicuna", hidden_size=16)
    with pytest.raises(PartError, match="a language model whose width does not fit the projection: ") as said:
        large_answering(copied, ASKED)
    assert f"{copied.mirror}/spaces/toy/minigpt4/projection.pth gives 24 values" in str(said.value)
    assert f"{copied.mirror}/toy/vicuna/config.json reads 16" in str(said.value)


def test_a_pair_that_does_not_fit_is_refused_before_the_weights_are_fetched(copied):
    """config.json of the language model is enough; another kind of model is named."""
    folder = copied.mirror / "toy/vicuna"
    for path in folder.iterdir():
        if path.name != "config.json":
            path.unlink()
    said = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(said | {"hidden_size": 5120}))
    with pytest.raises(
        PartError, match=r"gives 24 values, and the model of .*vicuna/config\.json reads 5120"
    ):
        large_answering(copied, ASKED)
    shutil.rmtree(copied.cache)
    published._located.cache_clear()
    (folder / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(
        PartError, match=r"vicuna/config\.json: hidden_size is None; .* must be a Llama model"
    ):
        large_answering(copied, ASKED)


def test_a_projection_for_another_encoder_is_refused_with_both_numbers_and_files(copied):
    """As that of Llama 2, which reads four places of the vision transformer at once."""
    torch.save(projection(channels=64), copied.mirror / "spaces/toy/minigpt4/projection.pth")
    with pytest.raises(
        PartError, match=r"projection reads 64 channels.*blip2/config\.json gives 12; encoder"
    ):
        large_answering(copied, ASKED)


def truncated(path):
    """Half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def of_another_shard(path):
    """What another shard holds."""
    others = sorted(path.parent.glob("model-*.safetensors"))
    shutil.copy(others[others.index(path) - 1], path)


def shard_of(folder, tensor):
    """The shard that the index says a tensor is in."""
    index = json.loads((folder / "model.safetensors.index.json").read_text())["weight_map"]
    return folder / index[tensor]


@pytest.mark.parametrize(
    ("model", "tensor", "spoil", "words"),
    [
        pytest.param(model, tensor, spoil, words, id=f"{model}-{spoil.__name__}")
        for model, tensor in (("blip2", "query_tokens"), ("vicuna", "model.norm.weight"))
        for spoil, words in (
            (truncated, "not readable .* is truncated"),
            (of_another_shard, "has no tensor .*put the right shard in its place"),
            (Path.unlink, "is missing; the mirror's copy"),
        )
    ],
)
def test_a_shard_that_is_truncated_or_another_one_is_refused_by_name(copied, model, tensor, spoil, words):
    """Before anything is made of it."""
    path = shard_of(copied.mirror / "toy" / model, tensor)
    spoil(path)
    with pytest.raises(PartError, match=words) as said:
        (blip2_encoder if model == "blip2" else large_language)(copied)
    assert str(path) in str(said.value)


def test_a_file_that_changes_after_it_was_read_first_is_refused(copied):
    """Digests that nobody publishes are written down at the first time, and hold from then on."""
    large_language(copied)
    path = shard_of(copied.mirror / "toy/vicuna", "model.norm.weight")
    tensors = {name: tensor + 1 for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
    published._located.cache_clear()
    large._language.cache_clear()
    with pytest.raises(PartError, match=r"was read first: expected sha256 [0-9a-f]{64} .*found [0-9a-f]{64}"):
        large_language(
            DataSettings("scenes", 0.2, 5, OPTIONS, mirror=copied.mirror / ".", cache=copied.cache)
        )
    record = copied.cache / f"vision_language/published/toy--vicuna/{path.name}.json"
    record.unlink()
    located(repository("toy/vicuna", copied, option="language"), path.name)
    assert record.is_file()


def test_a_projection_is_read_from_a_pickle_as_tensors_alone(copied, tmp_path):
    """An object in it is refused, and nothing of it runs; safetensors are read too."""

    class Ran:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    place = copied.mirror / "spaces/toy/minigpt4/projection.pth"
    torch.save({"model": projection() | {"other": Ran()}}, place)
    with pytest.raises(PartError, match=r"projection\.pth: not readable .* else than tensors") as said:
        large_answering(copied, ASKED)
    assert not (tmp_path / "ran").exists() and "weights_only" not in str(said.value)
    save_file(projection(), place.with_suffix(".safetensors"))
    options = OPTIONS | {"start": "spaces/toy/minigpt4/projection.safetensors"}
    found = large_answering(
        DataSettings("scenes", 0.2, 5, options, mirror=copied.mirror, cache=copied.cache), ASKED
    )
    assert found.module.projection.weight.shape == (WIDTH, CHANNELS)
    torch.save({"model": {"other": torch.zeros(2)}}, place)
    published._located.cache_clear()
    with pytest.raises(PartError, match=r"no tensor llama_proj\.weight; it must hold"):
        large_answering(DataSettings("scenes", 0.2, 5, OPTIONS, mirror=copied.mirror), ASKED)


def test_pickled_shards_are_read_too(copied):
    """As Vicuna v0 is published: an index and files of torch.save."""
    folder = copied.mirror / "toy/vicuna"
    expected = large_language(copied).model.state_dict()
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    names = {name: shard.replace(".safetensors", ".bin") for name, shard in index["weight_map"].items()}
    for shard in set(index["weight_map"].values()):
        torch.save(load_file(folder / shard), folder / shard.replace(".safetensors", ".bin"))
        (folder / shard).unlink()
    (folder / "model.safetensors.index.json").unlink()
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index | {"weight_map": names}))
    other = DataSettings("scenes", 0.2, 5, OPTIONS, mirror=copied.mirror, cache=copied.cache / "other")
    found = large_language(other).model.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.safetensors", b"", id="empty"),
        pytest.param("a.safetensors", b"version https://git-lfs.github.com/spec/v1", id="pointer"),
        pytest.param("a.bin", b"", id="empty-pickle"),
        pytest.param("a.bin", b"version https://git-lfs.github.com/spec/v1", id="pointer-for-a-pickle"),
    ],
)
def test_files_that_hold_no_weights_are_refused_without_advice_to_run_them(tmp_path, name, content):
    """What a clone without its large files has, too; torch says how to read a pickle as code."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PartError, match=rf"{len(content)} bytes, is truncated.*fetch it again") as said:
        read_tensors(path)
    assert str(said.value).startswith(f"{path}: not readable") and "weights_only" not in str(said.value)


@pytest.mark.parametrize("said", ["vicuna", "../toy/vicuna", "toy/../../etc", "toy/vicuna/x", "/etc/passwd"])
def test_a_name_that_is_no_models_is_refused(settings, said):
    """It is a folder below a mirror, too."""
    with pytest.raises(PartError, match=r"language: '.*' names no published model; it must be owner/name"):
        repository(said, settings, option="language")


@pytest.mark.parametrize(
    "said", ["toy/minigpt4", "spaces/toy/minigpt4", "projection.pth", "a/b/c/d.pth", "a/b/"]
)
def test_a_start_without_a_file_is_refused_with_what_it_must_be(settings, said):
    """A model alone is not enough, and folders inside a model are not looked into."""
    asked = replace(settings, options=OPTIONS | {"start": said})
    with pytest.raises(
        PartError, match=r"start: '.*' names no file of a published model; .* owner/name/FILE"
    ):
        large_answering(asked, ASKED)


def test_a_model_that_cannot_be_fetched_is_named_with_the_remedy(settings, monkeypatch):
    """Offline, and not in the mirror."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    where = repository("nobody-at-all/no-model@0123abc", settings, option="language")
    with pytest.raises(
        PartError, match=r"config\.json of nobody-at-all/no-model@0123abc cannot be fetched"
    ) as said:
        located(where, "config.json")
    assert "put the model's files into nobody-at-all/no-model of a mirror folder" in str(said.value)
    without = DataSettings("scenes", 0.2, 5, OPTIONS, mirror=settings.mirror)
    with pytest.raises(PartError, match="name a cache folder to download it to, or put"):
        located(repository("nobody-at-all/no-model", without, option="language"), "config.json")


def test_a_download_is_held_against_what_the_hub_says(settings, monkeypatch, tmp_path):
    """The hub's cache names a large file by its sha256; a commit that was met first is kept."""
    import huggingface_hub

    asked = []

    def download(name, file, *, revision, cache_dir, repo_type):
        asked.append((name, file, revision, repo_type))
        blob = tmp_path / "blobs" / ("0" * 64 if file == "spoilt.bin" else "plain")
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(b"weights")
        link = tmp_path / "snapshots/abc123" / file
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(blob)
        return str(link)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    where = repository("some/model", settings, option="language")
    located(where, "config.json")
    with pytest.raises(
        PartError, match=r"spoilt\.bin of some/model is not what the hub says: expected sha256 000"
    ):
        located(where, "spoilt.bin")
    assert not (tmp_path / "blobs" / ("0" * 64)).exists()
    assert [revision for _, _, revision, _ in asked] == [None, "abc123"]


def test_text_that_sentencepiece_cut_is_read(copied, tmp_path):
    """Llama and Vicuna are published with `tokenizer.model` alone."""
    sentencepiece = pytest.importorskip("sentencepiece", reason="the extra is not installed: make setup-vlm")
    folder = copied.mirror / "toy/vicuna"
    texts = [question.text for each in QUESTIONS.values() for question in each]
    (tmp_path / "texts").write_text("\n".join([*texts, "###Human: <Img></Img> ###Assistant: yes no"] * 3))
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "texts"),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=250,
        model_type="bpe",
        minloglevel=2,
    )
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "LlamaTokenizer",
                "bos_token": "<s>",
                "eos_token": "</s>",
                "unk_token": "<unk>",
            }
        )
    )
    tokenizer = large_language(copied).tokenizer
    processor = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model"))
    for text in ("###Human: <Img>", "How many cups are there in the image?", "yes###"):
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == processor.encode(text)
    assert tokenizer.bos_token_id == processor.bos_id()
