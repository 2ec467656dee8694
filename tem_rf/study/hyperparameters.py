"""Architectures as KerasTuner's values, and back: depth, pooling and dilation per level, the rest of the name."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tem_rf.receptive_field import Architecture

if TYPE_CHECKING:
    from keras_tuner import HyperParameters

Values = dict[str, Any]
EPOCHS = "tuner/epochs"
"""KerasTuner's name for the epochs of a trial, beside its values."""


def values_of(architecture: Architecture) -> Values:
    """The values of an architecture.

    >>> values_of(Architecture.from_name("n2-p48-d112-k5"))
    {'depth': 2, 'parts': 'k5', 'pooling_0': 4, 'pooling_1': 8, 'dilation_0': 1, 'dilation_1': 1, 'dilation_2': 2}
    """
    parts = re.sub(r"^n\d+-p[\d.]+(-d[\d.]+)?-?", "", architecture.name)
    poolings = {f"pooling_{level}": size for level, size in enumerate(architecture.pooling_sequence)}
    dilations = {f"dilation_{block}": size for block, size in enumerate(architecture.dilation_sequence)}
    return {"depth": architecture.depth, "parts": parts, **poolings, **dilations}


def architecture_of(values: Mapping[str, Any]) -> Architecture:
    """The architecture of such values; others beside them are passed over.

    >>> architecture_of(values_of(Architecture.from_name("n2-p48-d112-k5"))).name
    'n2-p48-d112-k5'
    """
    depth = values["depth"]
    poolings = tuple(values[f"pooling_{level}"] for level in range(depth))
    dilations = tuple(values[f"dilation_{block}"] for block in range(depth + 1))
    plain = Architecture(poolings, dilation_sequence=dilations).name
    return Architecture.from_name(f"{plain}-{values['parts']}" if values["parts"] else plain)


def declare(candidates: Sequence[Architecture]) -> "HyperParameters":
    """The space that holds the candidates; a level that only deeper networks have is declared conditional on depth.

    Declared without conditions, a value of a level that a network lacks makes the same network look like another.
    """
    from keras_tuner import HyperParameters

    all_values = [values_of(each) for each in candidates]
    hyperparameters = HyperParameters()
    _declare(hyperparameters, "depth", all_values)
    _declare(hyperparameters, "parts", all_values)
    for name in sorted({name for values in all_values for name in values} - {"depth", "parts"}):
        having = [values for values in all_values if name in values]
        with hyperparameters.conditional_scope("depth", sorted({values["depth"] for values in having})):
            _declare(hyperparameters, name, having)
    return hyperparameters


def _declare(hyperparameters: "HyperParameters", name: str, all_values: Sequence[Values]) -> None:
    choices = sorted({values[name] for values in all_values})
    if len(choices) == 1:
        hyperparameters.Fixed(name, choices[0])
    else:
        hyperparameters.Choice(name, choices)
