"""Generated sentences and files of ASTE-Data-V2: what is in them, what is refused, batches of them."""

from collections import Counter

import pytest
import torch

from codesign.tasks.contract import DataSettings
from codesign.tasks.remote import DataError
from codesign.tasks.sentiment.annotated import NEGATIVE, NEUTRAL, POSITIVE, Annotated, Triplet, opposite
from codesign.tasks.sentiment.aste import LONGEST, parsed, read_file
from codesign.tasks.sentiment.generated import generated
from codesign.tasks.sentiment.grid import decoded, place, tags_of
from codesign.tasks.sentiment.parts import sentences_of
from codesign.tasks.sentiment.sentences import examples_of, vocabulary
from codesign.tasks.sentiment.task import TASK
from codesign.tasks.sentiment.templates import (
    ASPECTS,
    DEPENDING,
    FRAMES,
    GENERAL,
    OWN,
    PARTS,
    VERB_OPINIONS,
)

OPTIONS = {"rounds": 1, "dropout": 0}
LINES = [
    "The battery life is great but slow .####[([1, 2], [4], 'POS'), ([1, 2], [6], 'NEG')]",
    "It is average .####[]",
    "",
    "Waiters : not friendly####[([0], [3], 'NEG')]",
]


def settings(source="generated", *, seed=7, fraction=0.15, mirror=None, **options):
    return DataSettings(source, fraction, seed, OPTIONS | options, mirror=mirror)


def frames(part):
    return [frame for kind in FRAMES[part].values() for frame in kind]


# -- generated ---------------------------------------------------------------------------------


def test_no_frame_is_in_two_parts():
    """As written, and without adverbs and determiners, which change no frame."""
    plain = {part: {" ".join(t for t in f.tokens if t not in "D*") for f in frames(part)} for part in PARTS}
    assert all(len(plain[part]) == len(frames(part)) for part in PARTS)
    assert not plain["train"] & plain["test"]
    assert not plain["train"] & plain["validation"] and not plain["validation"] & plain["test"]
    assert all(FRAMES[part].keys() == FRAMES["train"].keys() and all(FRAMES[part].values()) for part in PARTS)


def test_no_test_sentence_is_trained_on():
    """Nor is a validation sentence."""
    texts = {part: {" ".join(each.words) for each in generated(part, 400, seed=3)} for part in PARTS}
    assert len(texts["train"]) > 390
    assert not texts["train"] & texts["test"] and not texts["train"] & texts["validation"]


def test_every_frame_uses_its_slots():
    """Aspects and opinions of a relation are in the frame; each once."""
    for part in PARTS:
        for frame in frames(part):
            named = {slot for aspect, opinion, _ in frame.relations for slot in (aspect, opinion)}
            slots = {token for token in frame.tokens if token in set("ABCPQRL")}
            assert named == slots, frame
            of_slots = [token for token in frame.tokens if token in set("ABCPQRL")]
            assert len(set(of_slots)) == len(of_slots), frame


def test_generated_sentences_repeat_themselves_and_depend_on_the_seed():
    """The first ones are the same whatever number is drawn."""
    first = generated("train", 50, seed=1)
    assert generated("train", 20, seed=1) == first[:20]
    assert generated("train", 50, seed=2) != first
    assert generated("validation", 50, seed=1) != first


def test_generated_triplets_are_said_in_their_sentence():
    """Spans hold a known aspect and opinion; the polarity is that of both, or its opposite where denied."""
    of_class = {
        text: kind for classes in ASPECTS.values() for kind, texts in classes.items() for text in texts
    }
    general = {text: polarity for polarity, texts in GENERAL.items() for text in texts} | VERB_OPINIONS
    turned = Counter()
    for part in PARTS:
        for words, triplets in generated(part, 300, seed=5):
            assert len(set(triplets)) == len(triplets)
            for aspect, opinion, polarity in triplets:
                kind = of_class[" ".join(words[aspect[0] : aspect[1] + 1])]
                text = " ".join(words[opinion[0] : opinion[1] + 1])
                own = {each: p for p, texts in OWN.get(kind, {}).items() for each in texts}
                meant = {DEPENDING[text][kind]} if text in DEPENDING else {(general | own)[text]}
                assert polarity in meant | {opposite(p) for p in meant}
                turned[polarity in meant] += 1
    assert turned[True] > 3 * turned[False] > 0


def test_generated_triplets_can_be_decoded_from_their_grid():
    """No aspect or opinion stands right beside another, so that a perfect network scores 1."""
    sentences = [each for part in PARTS for each in generated(part, 300, seed=6)]
    lost = sum(
        len(set(triplets) - set(decoded(tags_of(triplets, len(words)), len(words))[2]))
        for words, triplets in sentences
    )
    assert lost == 0


def test_the_words_of_test_sentences_are_known_from_training():
    """Templates are new there, words are not."""
    known = vocabulary(generated("train", 2000, seed=2412))
    new = {word for each in generated("test", 500, seed=2412) for word in each.words} - set(known)
    assert new <= {word for frame in frames("test") for word in frame.tokens}
    assert len(new) < 0.05 * len(known)


def test_parts_have_the_sizes_asked_for_and_call_themselves_generated():
    """Validation has its share of what trains and validates."""
    asked = settings(train_size=170, test_size=40)
    sizes = {part: len(sentences_of(part, asked)[0]) for part in PARTS}
    assert sizes == {"train": 170, "validation": 30, "test": 40}
    (examples,) = TASK.examples(asked, "test")
    assert (examples.source.dataset, examples.source.obtained) == ("generated sentences", "generated")
    assert "templates" in examples.source.variant and len(examples) == 40


# -- files -------------------------------------------------------------------------------------


def written(folder, *, lines=LINES, name="14lap", without=()):
    """A folder as published, with the same few lines in each file but for a word that names the part."""
    (folder / name).mkdir(parents=True)
    for part in ("train", "dev", "test"):
        if part not in without:
            text = "\n".join(lines) + f"\nthe {part} is nice####[([1], [3], 'NEU')]\n"
            (folder / name / f"{part}_triplets.txt").write_text(text, encoding="utf-8")
    return folder


def test_a_file_is_read_as_it_is_written(tmp_path):
    """Words from 0, several triplets of a sentence or none, empty lines passed over."""
    found = read_file(written(tmp_path) / "14lap" / "train_triplets.txt")
    assert found == [
        Annotated(
            ("The", "battery", "life", "is", "great", "but", "slow", "."),
            (Triplet((1, 2), (4, 4), POSITIVE), Triplet((1, 2), (6, 6), NEGATIVE)),
        ),
        Annotated(("It", "is", "average", "."), ()),
        Annotated(("Waiters", ":", "not", "friendly"), (Triplet((0, 0), (3, 3), NEGATIVE),)),
        Annotated(("the", "train", "is", "nice"), (Triplet((1, 1), (3, 3), NEUTRAL),)),
    ]


@pytest.mark.parametrize("place", ["folder", "mirror"])
def test_parts_come_from_the_folder_named_or_from_the_mirror(tmp_path, place):
    """dev validates; every result says where from and which file by its digest."""
    asked = settings("14lap", mirror=written(tmp_path / "aste").parent)
    if place == "folder":
        asked = settings("14lap", folder=str(tmp_path / "aste"))
    for part, name in (("train", "train"), ("validation", "dev"), ("test", "test")):
        sentences, source = sentences_of(part, asked)
        assert sentences[-1].words == ("the", name, "is", "nice")
        assert (source.dataset, source.obtained) == ("ASTE-Data-V2 14lap", place)
        assert len(source.sha256) == 64
    train, validation, test = TASK.examples(asked, "train", "validation", "test")
    assert len(train) == len(validation) == len(test) == 4
    assert (test.tokens == test.unknown).sum() == 1  # 'test' is no word of training
    assert train.unknown == 16  # words of the four sentences, small letters


def test_the_test_file_is_opened_for_the_test_part_alone(tmp_path):
    """Training does without it."""
    asked = settings("14lap", folder=str(written(tmp_path, without=("test",))))
    assert [len(each) for each in TASK.examples(asked, "train", "validation")] == [4, 4]
    with pytest.raises(DataError, match=r"14lap/test_triplets\.txt: there is no such file; .* 15res"):
        TASK.examples(asked, "test")


def test_sizes_draw_from_a_file(tmp_path):
    """As many, in the file's order, the same each time; not more than there are."""
    folder = str(written(tmp_path, lines=[f"w{k} x####[]" for k in range(30)]))
    asked = settings("14lap", folder=folder, train_size=10)
    found, _ = sentences_of("train", asked)
    numbers = [int(each.words[0][1:]) for each in found if each.words[0][0] == "w"]
    assert len(found) == 10 and numbers == sorted(numbers)
    assert sentences_of("train", asked)[0] == found
    with pytest.raises(DataError, match="train_size 40 is more than the 31 sentences"):
        sentences_of("train", settings("14lap", folder=folder, train_size=40))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("a b", r"found 0 separators ####, allowed is one", id="no-separator"),
        pytest.param("a b####a=O b=O####a=O b=O####[]", "found 3 separators .*ASTE-Data-V1", id="version-1"),
        pytest.param("####[]", "found a sentence of 0 words, allowed are 1 to 100", id="no-word"),
        pytest.param("a " * (LONGEST + 1) + "####[]", "a sentence of 101 words", id="long"),
        pytest.param("a b####", "found '' behind ####, allowed is", id="nothing-behind"),
        pytest.param("a b####[([0], [1], 'POS')", r"found .* behind ####, allowed is \[\(\[words", id="open"),
        pytest.param("a b####__import__('os')", "found .* behind ####", id="code"),
        pytest.param("a b####" + "[" * 5000, "found .* behind ####", id="deep"),
        pytest.param("a b####([0], [1], 'POS')", "behind ####, allowed is a list", id="no-list"),
        pytest.param(
            "a b####[([0], [1])]", r"triplet 1: found .*, allowed is \(aspect, opinion", id="two-parts"
        ),
        pytest.param(
            "a b####[([0], 'b', 'POS')]", "triplet 1, opinion: found 'b', allowed is a list", id="word"
        ),
        pytest.param("a b####[([], [1], 'POS')]", r"triplet 1, aspect: found '\[\]', allowed", id="empty"),
        pytest.param("a b####[([True], [1], 'POS')]", "aspect: found .*whole numbers", id="no-number"),
        pytest.param(
            "a b####[([0], [2], 'POS')]", r"opinion: found '\[2\]', allowed are words 0 to 1", id="beyond"
        ),
        pytest.param("a b####[([-1], [1], 'POS')]", "aspect: found .* allowed are words 0 to 1", id="below"),
        pytest.param("a b c####[([0, 2], [1], 'POS')]", "aspect: found .* one after the other", id="gap"),
        pytest.param(
            "a b c####[([1, 0], [2], 'POS')]", "aspect: found .* one after the other", id="backwards"
        ),
        pytest.param(
            "a b####[([0], [1], 'NEG'), ([0], [1], 'positive')]",
            "triplet 2, polarity: found 'positive', allowed are 'POS', 'NEU', 'NEG'",
            id="polarity",
        ),
        pytest.param("a b####[([0], [1], ['POS'])]", "polarity: found", id="polarity-list"),
        pytest.param(
            "a b####[([0], [1], 'NEG'), ([0], [1], 'POS')]", "found two polarities", id="two-polarities"
        ),
    ],
)
def test_malformed_lines_are_refused_with_file_and_line(tmp_path, line, words):
    """What was found, what is allowed, and what to do; the line before is a good one."""
    path = tmp_path / "train_triplets.txt"
    path.write_text(f"{LINES[0]}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=words) as found:
        read_file(path)
    assert str(found.value).startswith(f"{path}, line 3: ")
    assert str(found.value).endswith("; correct the line or take it out")


def test_a_triplet_written_twice_is_one():
    """Harmless, and a score counts sets."""
    assert len(parsed("a b####[([0], [1], 'NEG'), ([0], [1], 'NEG')]").triplets) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"\xff\xfe", "not a text in UTF-8 .*; save it as UTF-8", id="encoding"),
        pytest.param(b"\n \n", "there is no sentence; at least one line", id="empty"),
    ],
)
def test_files_that_hold_no_sentence_are_refused(tmp_path, content, words):
    """With their name."""
    path = tmp_path / "dev_triplets.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as found:
        read_file(path)
    assert str(path) in str(found.value)


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        pytest.param(
            "14res", {}, "14res needs the option folder of the experiment, or a mirror", id="nowhere"
        ),
        pytest.param("generated", {"folder": "x"}, "folder is of 14lap, 14res", id="folder-of-generated"),
        pytest.param("16res", {"folder": "/no/folder"}, "/no/folder/16res/train_triplets.txt", id="no-file"),
    ],
)
def test_what_cannot_be_had_is_said(source, options, words):
    """Option, file and remedy."""
    with pytest.raises((ValueError, DataError), match=words):
        sentences_of("train", settings(source, **options))


# -- batches -----------------------------------------------------------------------------------


def test_a_batch_holds_the_cells_of_its_sentences():
    """Cell by cell: whose words, which tag, and that a word's cells are found from either side."""
    sentences = [parsed(line) for line in LINES if line]
    known = vocabulary(sentences)
    examples = examples_of(sentences, known, None)
    order = [2, 0, 1]
    batch = TASK.batch(examples, torch.tensor(order))
    longest = batch.tokens.shape[1]
    assert longest == 8 and len(batch) == 3
    cell = 0
    for row, number in enumerate(order):
        words, triplets = sentences[number]
        n = len(words)
        assert batch.tokens[row, :n].tolist() == [known[word.lower()] for word in words]
        tags = tags_of(triplets, n)
        for i in range(n):
            for j in range(i, n):
                assert batch.rows[cell] == row * longest + i and batch.columns[cell] == row * longest + j
                assert batch.tags[cell] == tags[place(i, j, n)]
                assert batch.around[row, i, j] == batch.around[row, j, i] == cell
                cell += 1
        assert (batch.around[row, n:] == len(batch.tags)).all()
        assert (batch.around[row, :, n:] == len(batch.tags)).all()
    assert cell == len(batch.tags)
    assert batch.triplets.tolist() == [[0, 0, 0, 3, 3, 3], [1, 1, 2, 4, 4, 5], [1, 1, 2, 6, 6, 3]]
