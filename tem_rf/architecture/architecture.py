"""The architecture of a residual UNet. Its name, number of parameters and receptive field follow from its shape."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

from tem_rf.architecture.layers import layers
from tem_rf.architecture.naming import architecture_name, fields_of_name
from tem_rf.architecture.receptive_field import ReceptiveField, equation_size, receptive_field
from tem_rf.architecture.shape import MAX_FIELD_PX, MAX_STRIDE_PX, NetworkShape, check_max
from tem_rf.errors import ArchitectureError


@dataclass(frozen=True)
class Architecture(NetworkShape):
    """A residual UNet of any depth; the defaults are the study's.

    Attributes:
        pooling_sequence: Pooling size per level, from full resolution down; its length is the depth N.
        filter_sequence: Filters per block, encoder0 first, then the bottleneck; decoders mirror the encoders.
            A single number is for the first block, and filters double per level. Default: 4, doubling.
        dilation_sequence: Dilation per block, encoder0 first, then the bottleneck; decoders mirror the encoders.
            Default: 1 everywhere.
        kernel_size: Side of the convolution kernels, odd [px].
        convolutions_per_block: Convolutions of `kernel_size` in each block.
        pooling: Type of pooling.
        upsampling: Type of upsampling in the decoders.
        smoothing: "shared": a kernel of side 2 d - 1, one for all channels, before each convolution of dilation
            d > 1, against gridding (Wang & Ji 2021, the separable and shared convolution).
        normalization: "instance" takes mean and variance over the whole image, so the receptive field is the whole
            image.
        second_output: "distance": the network also gives the distance to the edge of the particle, from 0 to 1 at its
            centre, by one more 1x1 convolution of the last features: one parameter per first filter, and one.

    Raises:
        ArchitectureError: A sequence of the wrong length, a size below 1 or unreasonably large, an even kernel, or an
            unknown choice.

    >>> Architecture(pooling_sequence=(8, 8)).name
    'n2-p88'
    >>> Architecture(pooling_sequence=(2, 2)).parameters
    8074
    >>> Architecture(pooling_sequence=(2, 2), second_output="distance").parameters
    8079
    >>> Architecture(pooling_sequence=(2, 2), filter_sequence=(8,)).filter_sequence
    (8, 16, 32)
    """

    @cached_property
    def receptive_field(self) -> ReceptiveField:
        """The input pixels that an output pixel depends on."""
        return receptive_field(self)

    @cached_property
    def parameters(self) -> int:
        """Number of trainable parameters, computed without building the model."""
        return sum(layer.parameters for layer in layers(self))

    @property
    def name(self) -> str:
        """Short name that lists all differences from the study's defaults; `from_name` reads it."""
        return architecture_name(self)

    @classmethod
    def from_name(cls, name: str) -> Self:
        """Build an architecture from its name.

        >>> Architecture.from_name("n2-p22-d112").dilation_sequence
        (1, 1, 2)
        >>> Architecture.from_name("n2-p44-f8-average-bilinear").upsampling
        'bilinear'

        Raises:
            ArchitectureError: The name is invalid.
        """
        return cls(**fields_of_name(name))

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON types, and the name for readers."""
        fields = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {"name": self.name, **fields}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read the output of `to_json`. Missing fields take the study's defaults.

        Raises:
            ArchitectureError: A field is missing, unknown, out of range or larger than any micrograph.
        """
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in content.items()
        }
        fields.pop("name", None)
        try:
            architecture = cls(**fields)
        except TypeError as error:
            raise ArchitectureError(f"architecture: {error}; received the fields {sorted(content)}.") from error
        check_max("pooling_sequence", "a product", architecture.stride, MAX_STRIDE_PX)
        check_max("architecture", "a field in px", equation_size(architecture), MAX_FIELD_PX)
        return architecture
