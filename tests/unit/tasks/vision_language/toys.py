"""MiniGPT-4's own parts at a toy's size, of the same classes, as a mirror holds them."""

import torch

CHANNELS, WIDTH, QUERIES, SIDE = 12, 24, 4, 28
OPTIONS = {
    "encoder": "toy/blip2",
    "language": "toy/vicuna",
    "start": "spaces/toy/minigpt4/projection.pth",
    "train_size": 8,
    "test_size": 5,
}


def write_mirror(folder):
    """A folder as a mirror of the hub: BLIP-2 and Llama in several shards, a projection."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        blip2(folder / "toy/blip2")
        llama(folder / "toy/vicuna")
        place = folder / "spaces/toy/minigpt4"
        place.mkdir(parents=True)
        torch.save({"model": projection(), "epoch": 4}, place / "projection.pth")


def blip2(folder):
    """Every part of the class, its own language model too, which is not to be read."""
    import transformers

    config = transformers.Blip2Config(
        vision_config={
            "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": SIDE, "patch_size": 14,
        },
        qformer_config={
            "hidden_size": CHANNELS, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads":
            2, "encoder_hidden_size": 16, "cross_attention_frequency": 2, "vocab_size": 9,
        },
        text_config=transformers.LlamaConfig(**SMALL, vocab_size=300).to_dict(),
        num_query_tokens=QUERIES,
    )  # fmt: skip
    model = transformers.Blip2ForConditionalGeneration(config)
    torch.nn.init.normal_(model.query_tokens)
    model.save_pretrained(folder, max_shard_size="8KB")


SMALL = {
    "hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 4, "initializer_range": 0.3,
}  # fmt: skip


def llama(folder, **changes):
    """A byte a token, so that every text can be written."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = {word: number for number, word in enumerate(["<unk>", "<s>", "</s>", *letters])}
    tokenizer = Tokenizer(models.BPE(known, [], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    config = transformers.LlamaConfig(
        **SMALL | changes, vocab_size=len(known), bos_token_id=1, eos_token_id=2, tie_word_embeddings=False
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder, max_shard_size="20KB")
    fast.save_pretrained(folder)


def projection(width=WIDTH, channels=CHANNELS):
    """Two tensors by the names of MiniGPT-4's file."""
    return {"llama_proj.weight": torch.randn(width, channels) / 3, "llama_proj.bias": torch.randn(width) / 9}
