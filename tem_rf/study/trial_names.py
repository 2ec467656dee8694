"""What tells trials apart, in words."""

import re
from collections.abc import Sequence
from typing import Any

from tem_rf.runs.config import RunConfig


def dataset_labels(configs: Sequence[RunConfig]) -> list[str]:
    """A name of the dataset of each configuration; datasets of one name get the start of their fingerprint."""
    names = [name for name, _ in {(config.dataset.name, config.dataset_sha256) for config in configs}]
    return [_label(config, is_shared=names.count(config.dataset.name) > 1) for config in configs]


def variants(configs: Sequence[RunConfig]) -> list[str]:
    """The settings of training and augmentation that are not alike in all configurations, as `epochs=50 gain=0.1`."""
    settings = [_settings(config) for config in configs]
    differing = [key for key in (settings[0] if settings else ()) if len({str(one[key]) for one in settings}) > 1]
    return [" ".join(f"{key}={_text(one[key])}" for key in differing) for one in settings]


def natural_order(name: str) -> tuple[tuple[float, str], ...]:
    """What names are sorted by so that numbers in them count.

    >>> sorted(["au-10nm", "au-2.2nm"], key=natural_order)
    ['au-2.2nm', 'au-10nm']
    """
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    return tuple((float(part), "") if index % 2 else (-1.0, part) for index, part in enumerate(parts))


def _label(config: RunConfig, *, is_shared: bool) -> str:
    return f"{config.dataset.name}@{config.dataset_sha256[:6]}" if is_shared else config.dataset.name


def _settings(config: RunConfig) -> dict[str, Any]:
    return {**config.training.model_dump(), **config.augmentation.model_dump()}


def _text(value: Any) -> str:
    return re.sub(r"\s+", "", f"{value:g}" if isinstance(value, float) else str(value))
