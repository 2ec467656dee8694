"""The sizes and types of the layers of a residual UNet, validated."""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from tem_rf.errors import ArchitectureError

STUDY_FILTERS = 4
# Beyond any network that is trained. A larger value from a file would take hours and memory for its layers alone.
DEEPEST = 16
MAXIMA = {"filter_sequence": 2**20, "dilation_sequence": 2**10, "kernel_size": 63, "convolutions_per_block": 32}
# Larger than any micrograph. A larger value from a file would take as much for the pixels of its grid.
MAX_STRIDE_PX = 2**16
MAX_FIELD_PX = 2**17

Pooling = Literal["max", "average"]
Upsampling = Literal["nearest", "bilinear"]
Smoothing = Literal["none", "shared"]
Normalization = Literal["batch", "instance"]
SecondOutput = Literal["none", "distance"]
CHOICES = {
    "pooling": Pooling,
    "upsampling": Upsampling,
    "smoothing": Smoothing,
    "normalization": Normalization,
    "second_output": SecondOutput,
}


@dataclass(frozen=True)
class NetworkShape:
    """Everything that determines the layers of a residual UNet; `Architecture` adds what follows from it."""

    pooling_sequence: tuple[int, ...]
    filter_sequence: tuple[int, ...] = (STUDY_FILTERS,)
    dilation_sequence: tuple[int, ...] = ()
    kernel_size: int = 3
    convolutions_per_block: int = 2
    pooling: Pooling = "max"
    upsampling: Upsampling = "nearest"
    smoothing: Smoothing = "none"
    normalization: Normalization = "batch"
    second_output: SecondOutput = "none"

    def __post_init__(self) -> None:
        blocks = self.depth + 1
        if self.depth == 0:
            raise ArchitectureError("pooling_sequence: expected one or more sizes, received none.")
        _check_sizes("pooling_sequence", self.pooling_sequence, DEEPEST)
        for field in ("filter_sequence", "dilation_sequence"):
            _check_sizes(field, getattr(self, field), DEEPEST + 1)
        filters, dilations = tuple(self.filter_sequence), tuple(self.dilation_sequence)
        if len(filters) <= 1:
            first = filters[0] if filters else STUDY_FILTERS
            filters = tuple(first * 2**level for level in range(blocks))
        object.__setattr__(self, "pooling_sequence", tuple(self.pooling_sequence))
        object.__setattr__(self, "filter_sequence", filters)
        object.__setattr__(self, "dilation_sequence", dilations or (1,) * blocks)
        for field in ("filter_sequence", "dilation_sequence"):
            if len(getattr(self, field)) != blocks:
                raise ArchitectureError(
                    f"{field}: expected {blocks} sizes for depth {self.depth} (one per encoder, one for the "
                    f"bottleneck), received {list(getattr(self, field))}."
                )
        for field in ("convolutions_per_block", "kernel_size"):
            _check_sizes(field, [getattr(self, field)])
        for field, maximum in MAXIMA.items():
            size = getattr(self, field)
            check_max(field, "sizes", max(size) if isinstance(size, tuple) else size, maximum)
        if self.kernel_size % 2 == 0:
            raise ArchitectureError(
                f"kernel_size: expected an odd whole number, received {self.kernel_size}; "
                "an even kernel has no centre pixel."
            )
        for field, choices in CHOICES.items():
            if getattr(self, field) not in get_args(choices):
                raise ArchitectureError(
                    f"{field}: expected {' or '.join(get_args(choices))}, received {getattr(self, field)!r}."
                )
        if self.smoothing != "none" and max(self.dilation_sequence) == 1:
            raise ArchitectureError(
                "smoothing: has no effect, since every dilation is 1; give a dilation_sequence or leave smoothing out."
            )

    @property
    def depth(self) -> int:
        """Number N of encoder blocks."""
        return len(self.pooling_sequence)

    @property
    def stride(self) -> int:
        """Product of the poolings [px]. Image height and width must be multiples of it."""
        return math.prod(self.pooling_sequence)

    @property
    def has_distance(self) -> bool:
        """Whether the network also gives the distance to the edge of the particle, which tells touching ones apart."""
        return self.second_output == "distance"

    def smoothing_kernel_size(self, level: int) -> int:
        """Side of the smoothing kernel before each convolution of a block [px of its level]; 1: no smoothing."""
        return 1 if self.smoothing == "none" else 2 * self.dilation_sequence[level] - 1


def _check_sizes(field: str, sizes: Any, max_length: int = 1) -> None:
    if len(sizes) > max_length:
        raise ArchitectureError(f"{field}: expected at most {max_length} sizes, received {len(sizes)}.")
    if any(not isinstance(size, int) or isinstance(size, bool) or size < 1 for size in sizes):
        raise ArchitectureError(f"{field}: sizes must be whole numbers of at least 1, received {list(sizes)}.")


def check_max(field: str, what: str, size: int, maximum: int) -> None:
    """Reject an unreasonably large size, since such a file would take hours and memory.

    Raises:
        ArchitectureError: The size exceeds the maximum.
    """
    if size > maximum:
        raise ArchitectureError(f"{field}: expected {what} of at most {maximum}, received {size}.")
