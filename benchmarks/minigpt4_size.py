"""How large MiniGPT-4's own parts are, and what a training with them computes: counted, nothing is run.

    python benchmarks/minigpt4_size.py

Parts are made without values, from the published configurations: BLIP-2's as transformers has them by
default, Llama 7B's. A step is of 12 pictures with 32 places, 24 tokens around them and in the answer. Forward
passes take two operations a weight and token; the way back through frozen layers takes as many again.
"""

import torch

from codesign.tasks.vision_language.blip2 import Blip2Encoder

BATCH, PLACES, TOKENS, STEPS = 12, 32, 24, 1000
SPEED = 1e14
"""Operations a second that a GPU of 16-bit units is taken to reach."""


def main() -> None:
    """Print a line a part, then a training."""
    from transformers import Blip2Config, LlamaConfig, LlamaForCausalLM

    with torch.device("meta"):
        encoder = Blip2Encoder(Blip2Config())
        language = LlamaForCausalLM(LlamaConfig())
    parts = {
        "vision transformer": (encoder.vision_model, 4),
        "Q-Former": (encoder.qformer, 4),
        "projection": (torch.nn.Linear(768, language.config.hidden_size, device="meta"), 4),
        "language model": (language, 2),
    }
    for name, (module, size) in parts.items():
        count = sum(each.numel() for each in module.parameters())
        print(f"{name:20} {count / 1e6:8.1f} million weights {count * size / 1e9:6.2f} GB at {8 * size} bit")
    weights = sum(each.numel() for each in language.parameters())
    operations = 4 * weights * BATCH * (PLACES + TOKENS)
    minutes = STEPS * operations / SPEED / 60
    print(f"a step of {BATCH}: {operations / 1e12:.0f} T operations")
    print(f"{STEPS} steps: {minutes:.0f} minutes at {SPEED:.0e} a second")


if __name__ == "__main__":
    main()
