"""MiniGPT-4's own parts behind the encoder: a Llama model and the published projection.

Source:
    Zhu et al. (2023), MiniGPT-4, arXiv 2304.10592.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import nn

from codesign.models.network import Network
from codesign.tasks.contract import DataSettings
from codesign.tasks.vision_language.blip2 import device_here, digest_of, encoder_repository, read_json
from codesign.tasks.vision_language.network import network_of_parts
from codesign.tasks.vision_language.parts import Language, PartError
from codesign.tasks.vision_language.published import (
    MissingError,
    Repository,
    checked_shard,
    located,
    read_tensors,
    repository,
    weights_of,
)
from codesign.tasks.vision_language.questions import MINIGPT4, Question

NETWORK = "minigpt4"
PROJECTION = ("llama_proj.weight", "llama_proj.bias")
"""Names in MiniGPT-4's files."""
TOKENIZER = (
    *("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "generation_config.json"),
)
"""Files of a language model beside its weights, as far as it has them."""


class Key(NamedTuple):
    """What a language model is remembered by within a process."""

    where: Repository
    device: str


def large_language(settings: DataSettings) -> Language:
    """The language model that the option `language` names: in 16 bit on a GPU, else in single precision.

    Raises:
        PartError: It is missing, truncated or another one; the message names the file.
    """
    where = repository(settings.needed("language"), settings, option="language")
    return _language(Key(where, device_here().type))


@lru_cache(maxsize=1)
def _language(key: Key) -> Language:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    where = key.where
    config = located(where, "config.json")
    weights = weights_of(where)
    names = weights.shards
    for name in names:
        checked_shard(weights, name)  # transformers would name none
    for name in TOKENIZER:
        try:
            located(where, name)
        except MissingError:
            continue
    logging.disable_progress_bar()
    folder = config.parent
    dtype = torch.bfloat16 if key.device == "cuda" else torch.float32
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PartError(
            f"{folder}: no language model that transformers reads ({said}); fetch it again"
        ) from error
    model.requires_grad_(requires_grad=False).eval()
    return Language(model, tokenizer, digest_of(where, names))


def published_projection(settings: DataSettings) -> nn.Linear:
    """The projection that the option `start` names, to be trained further.

    Of the language model its config.json alone is read: a pair that does not fit is refused before 13 GB of
    weights are fetched.

    Args:
        settings: `start` is owner/name/FILE, or spaces/owner/name/FILE, each with @revision behind the name;
            `language` is what reads the projection's output.

    Raises:
        PartError: It is missing or unreadable, or has another width than the language model reads.
    """
    said = settings.needed("start")
    name, _, file = said.rpartition("/")
    if not file or name.removeprefix("spaces/").count("/") != 1:
        raise PartError(
            f"start: {said!r} names no file of a published model; it must be owner/name/FILE or "
            "spaces/owner/name/FILE, with @revision behind the name where it is pinned, e.g. "
            "spaces/Vision-CAIR/minigpt4/prerained_minigpt4_7b.pth"
        )
    where = repository(name, settings, option="start")
    path = located(where, file)
    tensors = read_tensors(path)
    lacking = [each for each in PROJECTION if each not in tensors]
    if lacking:
        raise PartError(
            f"{path}: no tensor {lacking[0]}; it must hold {' and '.join(PROJECTION)}, as MiniGPT-4's file"
        )
    weight, bias = (tensors[each].float() for each in PROJECTION)
    if weight.dim() != 2 or bias.shape != weight.shape[:1]:
        raise PartError(
            f"{path}: {PROJECTION[0]} has the shape {tuple(weight.shape)} and {PROJECTION[1]} "
            f"{tuple(bias.shape)}; they must be (width, channels) and (width,)"
        )
    config = located(repository(settings.needed("language"), settings, option="language"), "config.json")
    width = read_json(config).get("hidden_size")
    if type(width) is not int:
        raise PartError(f"{config}: hidden_size is {width!r}; the language model must be a Llama model")
    if len(weight) != width:
        raise PartError(
            f"a language model whose width does not fit the projection: {path} gives {len(weight)} values, "
            f"and the model of {config} reads {width}; language and start must name a pair that was "
            "trained together"
        )
    projection = nn.Linear(weight.shape[1], width, device="meta")
    projection.load_state_dict({"weight": weight.clone(), "bias": bias.clone()}, assign=True)
    return projection.requires_grad_()


def large_answering(settings: DataSettings, questions: Sequence[Question]) -> Network:
    """The network between MiniGPT-4's own parts, at the published projection's values.

    Args:
        settings: `encoder`, `language` and `start` among its options.
        questions: Of the source.

    Raises:
        PartError: A part is missing, truncated or another one, or two of them do not go together.
    """
    projection = published_projection(settings)
    where = encoder_repository(settings)
    path = located(where, "config.json")
    channels = read_json(path).get("qformer_config", {}).get("hidden_size", 768)
    if projection.in_features != channels:
        raise PartError(
            f"{settings.needed('start')}: the projection reads {projection.in_features} channels, and the "
            f"Q-Former of {path} gives {channels}; encoder and start must name a pair that was trained "
            "together"
        )
    return network_of_parts(projection, large_language(settings), questions, MINIGPT4)
