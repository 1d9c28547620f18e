"""BLIP-2's vision transformer and Q-Former: pictures to what 32 learnt queries find in them.

Source:
    Li et al. (2023), BLIP-2, arXiv 2301.12597.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from codesign.tasks.contract import DataSettings
from codesign.tasks.vision_language.parts import PartError
from codesign.tasks.vision_language.published import (
    Repository,
    located,
    repository,
    sha256_known,
    tensors_of,
    weights_of,
)

WANTED = ("vision_model.", "qformer.", "query_tokens")
"""Of a BLIP-2 model; its own language model is neither fetched nor read."""
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the channels of pictures in [0, 1], as the vision transformer was trained."""
AT_ONCE = 8
"""Pictures in a forward pass."""


def is_large(settings: DataSettings) -> bool:
    """Whether an experiment looks at pictures with BLIP-2: it has the option `encoder`."""
    return settings.options.get("encoder") is not None


class Blip2Encoder(nn.Module):
    """Vision transformer and Q-Former: pictures to what 32 learnt queries find in them."""

    def __init__(self, config) -> None:
        """Make it without values.

        Args:
            config: `Blip2Config` of transformers.
        """
        from transformers import Blip2QFormerModel, Blip2VisionModel

        super().__init__()
        self.vision_model = Blip2VisionModel(config.vision_config)
        self.qformer = Blip2QFormerModel(config.qformer_config)
        self.query_tokens = nn.Parameter(
            torch.zeros(1, config.num_query_tokens, config.qformer_config.hidden_size)
        )

    @property
    def pixels(self) -> int:
        """Side of the pictures it is given."""
        return self.vision_model.config.image_size

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (n, 3, side, side), normalised, to (n, queries, the Q-Former's width)."""
        found = self.vision_model(pixel_values=x).last_hidden_state  # (n, patches + 1, width)
        queries = self.query_tokens.expand(len(x), -1, -1)
        return self.qformer(query_embeds=queries, encoder_hidden_states=found).last_hidden_state


def encoder_repository(settings: DataSettings) -> Repository:
    """The model that the option `encoder` names."""
    return repository(settings.needed("encoder"), settings, option="encoder")


def encoder_digest(settings: DataSettings) -> str:
    """sha256 over the sha256 of the encoder's files; of recorded ones none is read again."""
    where = encoder_repository(settings)
    return digest_of(where, ["config.json", *weights_of(where, wanted=WANTED).shards])


def blip2_encoder(settings: DataSettings) -> Blip2Encoder:
    """The encoder that the option `encoder` names, in single precision, to evaluate.

    Raises:
        PartError: It is missing, truncated or another one; the message names the file.
    """
    from transformers import Blip2Config

    where = encoder_repository(settings)
    path = located(where, "config.json")
    said = read_json(path)
    if said.get("model_type") != "blip-2":
        raise PartError(
            f"{path}: model_type is {said.get('model_type')!r}; the encoder must be a blip-2 model"
        )
    weights = weights_of(where, wanted=WANTED)
    tensors = {name: tensor.float() for name, tensor in tensors_of(weights).items()}
    with torch.device("meta"):
        encoder = Blip2Encoder(Blip2Config.from_dict(said))
    _fill(encoder, tensors, f"{path.parent / weights.index}")
    return encoder.requires_grad_(requires_grad=False).eval()


def _fill(module: nn.Module, tensors: dict[str, Tensor], origin: str) -> None:
    """Give a module without values its tensors; others that the file holds are left."""
    wanted = {name: tensor.shape for name, tensor in module.state_dict().items()}
    lacking = sorted(set(wanted) - set(tensors))
    if lacking:
        raise PartError(
            f"{origin}: no tensor {lacking[0]} ({len(lacking)} of {len(wanted)} are missing); it is no "
            "model that its config.json describes"
        )
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            raise PartError(
                f"{origin}: {name} has the shape {tuple(tensors[name].shape)}, its config.json asks for "
                f"{tuple(shape)}"
            )
    module.load_state_dict({name: tensors[name] for name in wanted}, assign=True)


@torch.inference_mode()
def blip2_features(encoder: Blip2Encoder, pictures: Tensor) -> Tensor:
    """What the encoder sees in pictures; on a GPU where there is one.

    Args:
        encoder: In evaluation mode.
        pictures: uint8 (n, 3, side, side) of the encoder's side.

    Returns:
        float32 (n, queries, width), on the CPU.
    """
    device = device_here()
    encoder.to(device)
    mean, std = (torch.tensor(each, device=device)[:, None, None] for each in (MEAN, STD))
    found = [encoder((some.to(device).float() / 255 - mean) / std).cpu() for some in pictures.split(AT_ONCE)]
    return torch.cat(found).clone()


def digest_of(where: Repository, names: Sequence[str]) -> str:
    """sha256 over files' names and sha256."""
    known = [f"{name} {sha256_known(where, name)}" for name in sorted(names)]
    return hashlib.sha256("\n".join(known).encode()).hexdigest()


def read_json(path: Path) -> dict:
    """A model's configuration.

    Raises:
        PartError: It is no mapping in JSON.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PartError(f"{path}: not readable ({error}); fetch it again") from None
    if not isinstance(found, dict):
        raise PartError(f"{path}: no mapping; fetch it again")
    return found


def device_here() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
