"""What a file claims of a network, held against what it can hold."""

from pathlib import Path

from tem_rf.errors import ModelError
from tem_rf.receptive_field.architecture import Architecture

_BYTES_PER_WEIGHT = 4  # float32, which is stored as it is


def require_room_for(architecture: Architecture, stored_bytes: int, path: Path) -> None:
    """Refuse a network larger than the file of its weights, before it is built.

    Args:
        architecture: The architecture that is claimed.
        stored_bytes: Size of the file, or files, of its weights.
        path: The file, for the error.

    Raises:
        ModelError: It cannot hold so many.

    >>> require_room_for(Architecture((2, 2)), 40_000, Path("model.keras"))
    """
    wanted = architecture.parameters * _BYTES_PER_WEIGHT
    if wanted > stored_bytes:
        raise ModelError(
            f"{path}: holds {stored_bytes} bytes of weights, its network of {architecture.parameters} parameters takes "
            f"{wanted}; it is damaged or not what it says, get it again."
        )
