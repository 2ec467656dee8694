"""The architecture of a residual UNet: everything that decides its shape, its parameters and its field of view."""

import itertools
import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from tem_rf.errors import ArchitectureError
from tem_rf.receptive_field.calculus import ReceptiveField, receptive_field

STUDY_FILTERS = 4
CLASSES = 2  # background, particle


@dataclass(frozen=True)
class Architecture:
    """A residual UNet of any depth.

    Attributes:
        pooling_sequence: Pooling size per level, from full resolution down; its length is the depth N.
        filter_sequence: Filters per block, encoder0 first, then the bottleneck; decoders mirror the encoders.
            Default: 4, doubling per level, as in the study.
        dilation_sequence: Dilation per block, encoder0 first, then the bottleneck; decoders mirror the encoders.
            Default: 1 everywhere.
        kernel_size: Side of the convolution kernels, odd [px].

    Raises:
        ArchitectureError: A sequence of the wrong length, a size below 1, an even kernel.

    >>> Architecture(pooling_sequence=(8, 8)).name
    'n2-p88'
    >>> Architecture(pooling_sequence=(2, 2)).parameters
    8074
    >>> Architecture(pooling_sequence=(8, 8)).receptive_field.equation_size_px
    392
    """

    pooling_sequence: tuple[int, ...]
    filter_sequence: tuple[int, ...] = ()
    dilation_sequence: tuple[int, ...] = ()
    kernel_size: int = 3

    def __post_init__(self) -> None:
        blocks = len(self.pooling_sequence) + 1
        defaults = {
            "pooling_sequence": (),
            "filter_sequence": tuple(STUDY_FILTERS * 2**level for level in range(blocks)),
            "dilation_sequence": (1,) * blocks,
        }
        for field, default in defaults.items():
            given = tuple(getattr(self, field)) or default
            expected = blocks - 1 if field == "pooling_sequence" else blocks
            if len(given) != expected or expected == 0:
                raise ArchitectureError(
                    f"{field}: expected {max(expected, 1)} sizes"
                    f"{'' if expected else ' or more'} for depth {blocks - 1}, received {list(given)}."
                )
            if any(not isinstance(size, int) or isinstance(size, bool) or size < 1 for size in given):
                raise ArchitectureError(f"{field}: sizes must be whole numbers of at least 1, received {list(given)}.")
            object.__setattr__(self, field, given)
        if not isinstance(self.kernel_size, int) or self.kernel_size < 1 or self.kernel_size % 2 == 0:
            raise ArchitectureError(
                f"kernel_size: expected an odd whole number, received {self.kernel_size}; "
                "an even kernel has no centre pixel."
            )

    @property
    def depth(self) -> int:
        """Number N of encoder blocks."""
        return len(self.pooling_sequence)

    @property
    def stride(self) -> int:
        """Product of the poolings [px]: heights and widths must be multiples of it."""
        return math.prod(self.pooling_sequence)

    @cached_property
    def receptive_field(self) -> ReceptiveField:
        """What an output pixel depends on."""
        return receptive_field(self)

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters, counted without building the model."""
        filters = self.filter_sequence
        inputs = (1, *filters[:-1])
        encoders = sum(self._block_parameters(i, o) for i, o in zip(inputs, filters, strict=True))
        decoders = sum(self._block_parameters(skip + below, skip) for skip, below in itertools.pairwise(filters))
        head = filters[0] * CLASSES + CLASSES
        return encoders + decoders + head

    def _block_parameters(self, inputs: int, outputs: int) -> int:
        area = self.kernel_size**2
        convolutions = area * inputs * outputs + outputs + area * outputs * outputs + outputs
        batch_norms = 2 * 2 * outputs
        skip = inputs * outputs + outputs
        return convolutions + batch_norms + skip

    @property
    def name(self) -> str:
        """Short name that says every departure from the study's defaults; `from_name` reads it back."""
        plain = Architecture(self.pooling_sequence)
        parts = [f"n{self.depth}", f"p{_join(self.pooling_sequence)}"]
        if self.dilation_sequence != plain.dilation_sequence:
            parts.append(f"d{_join(self.dilation_sequence)}")
        if self.kernel_size != plain.kernel_size:
            parts.append(f"k{self.kernel_size}")
        if self.filter_sequence != plain.filter_sequence:
            parts.append("f" + ".".join(map(str, self.filter_sequence)))
        return "-".join(parts)

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Read an architecture from its name.

        >>> Architecture.from_name("n2-p22-d112").dilation_sequence
        (1, 1, 2)

        Raises:
            ArchitectureError: The name means no architecture.
        """
        depth, *parts = name.split("-")
        fields: dict[str, Any] = {}
        for part in parts:
            field = _FIELDS.get(part[:1])
            if field is None or field in fields or not re.fullmatch(r"\d+(\.\d+)*\.?", part[1:]):
                raise ArchitectureError(f"{name!r}: cannot read {part!r}. {_NAME_HELP}")
            fields[field] = int(part[1:]) if field == "kernel_size" else _split(part[1:])
        if not re.fullmatch(r"n\d+", depth) or "pooling_sequence" not in fields:
            raise ArchitectureError(f"{name!r} is no architecture. {_NAME_HELP}")
        architecture = cls(**fields)
        if architecture.depth != int(depth[1:]):
            raise ArchitectureError(
                f"{name!r}: depth {depth[1:]} needs {depth[1:]} pooling sizes, received {architecture.depth}."
            )
        return architecture

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON types, together with the name for people."""
        return {
            "name": self.name,
            "pooling_sequence": list(self.pooling_sequence),
            "filter_sequence": list(self.filter_sequence),
            "dilation_sequence": list(self.dilation_sequence),
            "kernel_size": self.kernel_size,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ArchitectureError: A field is missing or unknown.
        """
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in content.items()
        }
        fields.pop("name", None)
        try:
            return cls(**fields)
        except TypeError as error:
            raise ArchitectureError(f"architecture: {error}; received the fields {sorted(content)}.") from error


_FIELDS = {"p": "pooling_sequence", "d": "dilation_sequence", "f": "filter_sequence", "k": "kernel_size"}
_NAME_HELP = (
    "A name is nDEPTH-pPOOLING, one digit per level or numbers with points between, then optional parts: "
    "n2-p44, n2-p16.2, n2-p22-d112 (dilation per block), n2-p22-k5 (kernel), n2-p22-f8.16.32 (filters)."
)


def _join(sizes: tuple[int, ...]) -> str:
    if all(size < 10 for size in sizes):
        return "".join(map(str, sizes))
    joined = ".".join(map(str, sizes))
    return joined if "." in joined else joined + "."  # a lone 16 is "16.", since "16" would be 1 and 6


def _split(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in (text.rstrip(".").split(".") if "." in text else text))
