"""Settings of the steps, where a caller gives none: those of `config.yaml`."""

from collections.abc import Mapping
from pathlib import Path

from codesign.nonideality.branch import Extraction
from codesign.shipped import shipped
from codesign.yaml_text import YamlError, read_yaml


class ConfigError(ValueError):
    """A configuration does not say what a step needs; the message names file, key and remedy."""


def settings_of(config: Path | str | None, key: str) -> object:
    """What a configuration says under one key.

    Args:
        config: A whole `config.yaml`; None for the one that comes with the program.
        key: Of its first level.

    Raises:
        ConfigError: It is not there, is no YAML or has no such key.
    """
    path = Path(config) if config is not None else shipped("config.yaml")
    try:
        said = read_yaml(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a config.yaml, or leave it out") from error
    except YamlError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(said, Mapping) or key not in said:
        raise ConfigError(f"{path}: the key {key} is missing; name a whole config.yaml, not an overlay")
    return said[key]


def extraction_of(config: Path | str | None) -> Extraction:
    """The settings of the extraction.

    Raises:
        ConfigError: They are missing, or not what an extraction takes.
    """
    said = settings_of(config, "extraction")
    try:
        return Extraction(**said)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{config or 'config.yaml'}: extraction: {error}") from error


def seed_of(config: Path | str | None) -> int:
    """The root seed.

    Raises:
        ConfigError: There is none, or it is no whole number.
    """
    said = settings_of(config, "seed")
    if type(said) is not int:
        raise ConfigError(f"{config or 'config.yaml'}: seed is {said!r}, not a whole number")
    return said
