"""`samples.npz`: a few validation patches and what the network of one epoch makes of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.errors import ReadError
from tem_rf.files import DAMAGED_NPZ, refuse_compressed, replacing_file

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Samples:
    """Patches of one size.

    Attributes:
        epoch: Epochs the network was trained.
        images: (n, h, w) uint8, each stretched between its percentiles.
        labels: (n, h, w) bool, particles.
        predictions: (n, h, w) bool, particles by the network.
    """

    epoch: int
    images: "np.ndarray"
    labels: "np.ndarray"
    predictions: "np.ndarray"


def write_samples(path: Path, samples: Samples) -> None:
    """Write the file, in place of the one of an earlier epoch.

    Raises:
        StorageError: It cannot be written; the one before stands.
    """
    import numpy as np

    with replacing_file(path) as beside:
        np.savez(
            beside,
            epoch=samples.epoch,
            images=samples.images,
            labels=samples.labels,
            predictions=samples.predictions,
        )


def read_samples(path: Path) -> Samples:
    """Read what `write_samples` wrote.

    Raises:
        ReadError: The file is absent or damaged.
    """
    import numpy as np

    try:
        # Opened here, because np.load leaves a damaged file open.
        with path.open("rb") as raw:
            refuse_compressed(raw)
            with np.load(raw, allow_pickle=False) as file:
                samples = Samples(int(file["epoch"]), file["images"], file["labels"], file["predictions"])
    except FileNotFoundError as error:
        raise ReadError(f"{path}: there is none; a training writes it after its first epoch.") from error
    except DAMAGED_NPZ as error:
        raise ReadError(f"{path}: cannot be read ({error}); the next epoch replaces it.") from error
    shapes = {array.shape for array in (samples.images, samples.labels, samples.predictions)}
    if len(shapes) > 1 or samples.images.ndim != 3 or not len(samples.images):
        raise ReadError(f"{path}: expected patches of one shape, received {shapes}; the next epoch replaces it.")
    return samples
