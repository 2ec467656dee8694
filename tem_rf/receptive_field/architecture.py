"""The architecture of a residual UNet: everything that decides its shape, its parameters and its field of view."""

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, Self, get_args

from tem_rf.errors import ArchitectureError
from tem_rf.receptive_field.calculus import ReceptiveField, equation_size, receptive_field
from tem_rf.receptive_field.layers import layers
from tem_rf.receptive_field.naming import architecture_name, fields_of_name

STUDY_FILTERS = 4
# Beyond any network that is trained; for a file that says more, hours and memory would go into its layers alone.
DEEPEST = 16
LARGEST = {"filter_sequence": 2**20, "dilation_sequence": 2**10, "kernel_size": 63, "convolutions_per_block": 32}
# Larger than any micrograph; for a file that says more, into the pixels of its grid.
LARGEST_STRIDE_PX = 2**16
LARGEST_FIELD_PX = 2**17

Pooling = Literal["max", "average"]
Upsampling = Literal["nearest", "bilinear"]
Smoothing = Literal["none", "shared"]
Normalization = Literal["batch", "instance"]
CHOICES = {"pooling": Pooling, "upsampling": Upsampling, "smoothing": Smoothing, "normalization": Normalization}


@dataclass(frozen=True)
class Architecture:
    """A residual UNet of any depth; the defaults are the study's.

    Attributes:
        pooling_sequence: Pooling size per level, from full resolution down; its length is the depth N.
        filter_sequence: Filters per block, encoder0 first, then the bottleneck; decoders mirror the encoders.
            One number stands for the first block, from which filters double per level. Default: 4, doubling.
        dilation_sequence: Dilation per block, encoder0 first, then the bottleneck; decoders mirror the encoders.
            Default: 1 everywhere.
        kernel_size: Side of the convolution kernels, odd [px].
        convolutions_per_block: Convolutions of `kernel_size` in each block.
        pooling: What a pooling window becomes.
        upsampling: How a decoder goes back to the finer level.
        smoothing: "shared": a kernel of side 2 d - 1, one for all channels, before each convolution of dilation
            d > 1, against gridding (Wang & Ji 2021, the separable and shared convolution).
        normalization: "instance" takes mean and variance over the whole image, which makes the receptive field
            the whole image.

    Raises:
        ArchitectureError: A sequence of the wrong length, a size below 1 or beyond any use, an even kernel, an
            unknown choice.

    >>> Architecture(pooling_sequence=(8, 8)).name
    'n2-p88'
    >>> Architecture(pooling_sequence=(2, 2)).parameters
    8074
    >>> Architecture(pooling_sequence=(2, 2), filter_sequence=(8,)).filter_sequence
    (8, 16, 32)
    """

    pooling_sequence: tuple[int, ...]
    filter_sequence: tuple[int, ...] = (STUDY_FILTERS,)
    dilation_sequence: tuple[int, ...] = ()
    kernel_size: int = 3
    convolutions_per_block: int = 2
    pooling: Pooling = "max"
    upsampling: Upsampling = "nearest"
    smoothing: Smoothing = "none"
    normalization: Normalization = "batch"

    def __post_init__(self) -> None:
        blocks = self.depth + 1
        if self.depth == 0:
            raise ArchitectureError("pooling_sequence: expected one size or more, received none.")
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
        for field, largest in LARGEST.items():
            size = getattr(self, field)
            _check_largest(field, "sizes", max(size) if isinstance(size, tuple) else size, largest)
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
                "smoothing: nothing to smooth, since every dilation is 1; give a dilation_sequence or leave it out."
            )

    @property
    def depth(self) -> int:
        """Number N of encoder blocks."""
        return len(self.pooling_sequence)

    @property
    def stride(self) -> int:
        """Product of the poolings [px]: heights and widths must be multiples of it."""
        return math.prod(self.pooling_sequence)

    def smoothing_kernel_size(self, level: int) -> int:
        """Side of the smoothing kernel before each convolution of a block [px of its level]; 1: there is none."""
        return 1 if self.smoothing == "none" else 2 * self.dilation_sequence[level] - 1

    @cached_property
    def receptive_field(self) -> ReceptiveField:
        """What an output pixel depends on."""
        return receptive_field(self)

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters, counted without building the model."""
        return sum(layer.parameters for layer in layers(self))

    @property
    def name(self) -> str:
        """Short name that says every departure from the study's defaults; `from_name` reads it back."""
        return architecture_name(self)

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Read an architecture from its name.

        >>> Architecture.from_name("n2-p22-d112").dilation_sequence
        (1, 1, 2)
        >>> Architecture.from_name("n2-p44-f8-average-bilinear").upsampling
        'bilinear'

        Raises:
            ArchitectureError: The name means no architecture.
        """
        return cls(**fields_of_name(name))

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON types, together with the name for people."""
        fields = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {"name": self.name, **fields}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `to_json` wrote; fields that are absent take the study's defaults.

        Raises:
            ArchitectureError: A field is missing, unknown, out of its range or larger than any micrograph.
        """
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in content.items()
        }
        fields.pop("name", None)
        try:
            architecture = cls(**fields)
        except TypeError as error:
            raise ArchitectureError(f"architecture: {error}; received the fields {sorted(content)}.") from error
        _check_largest("pooling_sequence", "a product", architecture.stride, LARGEST_STRIDE_PX)
        _check_largest("architecture", "a field in px", equation_size(architecture), LARGEST_FIELD_PX)
        return architecture


def _check_sizes(field: str, sizes: Any, most: int = 1) -> None:
    if len(sizes) > most:
        raise ArchitectureError(f"{field}: expected at most {most} sizes, received {len(sizes)}.")
    if any(not isinstance(size, int) or isinstance(size, bool) or size < 1 for size in sizes):
        raise ArchitectureError(f"{field}: sizes must be whole numbers of at least 1, received {list(sizes)}.")


def _check_largest(field: str, what: str, size: int, largest: int) -> None:
    if size > largest:
        raise ArchitectureError(f"{field}: expected {what} of at most {largest}, received {size}.")
