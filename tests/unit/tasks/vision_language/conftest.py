"""A language model of the real one's class, with random weights of a toy's size."""

import pytest
import torch

WHY = "the extra of vision and language is not installed: make setup-vlm"
WIDTH = 24
RANKED = ("scenes", "cifar10")
"""Sources whose answers are ranked."""


@pytest.fixture(scope="session")
def toy_language():
    """Two layers, and a word a token."""
    transformers = pytest.importorskip("transformers", reason=WHY)
    from tokenizers import Tokenizer, models, pre_tokenizers

    from codesign.tasks.vision_language.parts import Language
    from codesign.tasks.vision_language.questions import QUESTIONS

    words = ["<unk>", "<end>", "Question", "Answer", ":", "?", "heavy", "duty"]
    for source in RANKED:
        for question in QUESTIONS[source]:
            words += [*question.text.rstrip("?").split(), *question.answers]
    known = {word: number for number, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<end>"
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=len(known),
                hidden_size=WIDTH,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                head_dim=6,
                eos_token_id=1,
                tie_word_embeddings=True,
                initializer_range=0.3,
            )
        )
    model.requires_grad_(requires_grad=False).eval()
    return Language(model, fast, "0" * 64)


@pytest.fixture(scope="session")
def mirror(tmp_path_factory):
    """MiniGPT-4's own parts at a toy's size."""
    pytest.importorskip("transformers", reason=WHY)
    from tests.unit.tasks.vision_language.toys import write_mirror

    folder = tmp_path_factory.mktemp("mirror")
    write_mirror(folder)
    return folder
