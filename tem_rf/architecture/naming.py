"""Names of architectures: short, without the study's defaults, and converted back without loss."""

from __future__ import annotations

import re
from typing import Any

from tem_rf.architecture.shape import NetworkShape
from tem_rf.errors import ArchitectureError

_SEQUENCES = {"p": "pooling_sequence", "d": "dilation_sequence", "f": "filter_sequence"}
_NUMBERS = {"k": "kernel_size", "c": "convolutions_per_block"}
_WORDS = {
    "average": ("pooling", "average"),
    "bilinear": ("upsampling", "bilinear"),
    "smooth": ("smoothing", "shared"),
    "instance": ("normalization", "instance"),
    "distance": ("second_output", "distance"),
}
_LONGEST = 1000  # characters; more than the deepest network with its largest sizes needs
_HELP = (
    "A name is nDEPTH-pPOOLING, one digit per level or numbers separated by points, then optional parts: "
    "n2-p44, n2-p16.2, n2-p22-d112 (dilation per block), n2-p22-k5 (kernel), n2-p22-c3 (convolutions per block), "
    f"n2-p22-f8 (first filters, doubling), n2-p22-f8.16.24 (filters), and the words {', '.join(_WORDS)}."
)


def architecture_name(architecture: NetworkShape) -> str:
    """Name an architecture.

    >>> from tem_rf import Architecture
    >>> architecture_name(Architecture((4, 4), filter_sequence=(8,), pooling="average", upsampling="bilinear"))
    'n2-p44-f8-average-bilinear'
    """
    plain = type(architecture)(architecture.pooling_sequence)
    parts = [f"n{architecture.depth}", f"p{_join(architecture.pooling_sequence)}"]
    if architecture.dilation_sequence != plain.dilation_sequence:
        parts.append(f"d{_join(architecture.dilation_sequence)}")
    for letter, field in _NUMBERS.items():
        if getattr(architecture, field) != getattr(plain, field):
            parts.append(f"{letter}{getattr(architecture, field)}")
    if architecture.filter_sequence != plain.filter_sequence:
        parts.append(f"f{_join_filters(architecture.filter_sequence)}")
    parts += [word for word, (field, value) in _WORDS.items() if getattr(architecture, field) == value]
    return "-".join(parts)


def fields_of_name(name: str) -> dict[str, Any]:
    """Read from a name the fields that differ from the study's defaults.

    Raises:
        ArchitectureError: The name is invalid.
    """
    if len(name) > _LONGEST:
        raise ArchitectureError(f"{name[:20]!r} and {len(name) - 20} more characters: not an architecture. {_HELP}")
    depth, *parts = name.split("-")
    fields: dict[str, Any] = {}
    for part in parts:
        field, value = _read_part(name, part)
        if field in fields:
            raise ArchitectureError(f"{name!r}: {field} is given twice, the second time by {part!r}; keep one of them.")
        fields[field] = value
    if not re.fullmatch(r"n\d+", depth) or "pooling_sequence" not in fields:
        raise ArchitectureError(f"{name!r} is not an architecture. {_HELP}")
    if len(fields["pooling_sequence"]) != int(depth[1:]):
        raise ArchitectureError(
            f"{name!r}: depth {depth[1:]} needs {depth[1:]} pooling sizes, received {len(fields['pooling_sequence'])}."
        )
    return fields


def _read_part(name: str, part: str) -> tuple[str, Any]:
    letter, digits = part[:1], part[1:]
    if part in _WORDS:
        return _WORDS[part]
    if letter in _NUMBERS and re.fullmatch(r"\d+", digits):
        return _NUMBERS[letter], int(digits)
    if letter in _SEQUENCES and re.fullmatch(r"\d+(\.\d+)*\.?", digits):
        whole = letter == "f" or "." in digits  # filters are never one digit each: f16 is 16, p16 is 1 and 6
        return _SEQUENCES[letter], tuple(map(int, digits.rstrip(".").split(".") if whole else digits))
    raise ArchitectureError(f"{name!r}: cannot read {part!r}. {_HELP}")


def _join(sizes: tuple[int, ...]) -> str:
    if all(size < 10 for size in sizes):
        return "".join(map(str, sizes))
    joined = ".".join(map(str, sizes))
    return joined if "." in joined else joined + "."  # a lone 16 is "16.", since "16" would be 1 and 6


def _join_filters(filters: tuple[int, ...]) -> str:
    first = filters[0]
    doubling = all(count == first * 2**level for level, count in enumerate(filters))
    return str(first) if doubling else ".".join(map(str, filters))
