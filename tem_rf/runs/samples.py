"""`samples.npz`: a few validation patches and their segmentations after one epoch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.errors import ReadError
from tem_rf.files import DAMAGED_NPZ, refuse_compressed, replacing_file

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Samples:
    """Validation patches of one size, with labels and segmentations.

    Attributes:
        epoch: Epochs the network was trained for.
        images: (n, h, w) uint8, each stretched between its percentiles.
        labels: (n, h, w) bool, particles.
        predictions: (n, h, w) bool, particles found by the network.
    """

    epoch: int
    images: "np.ndarray"
    labels: "np.ndarray"
    predictions: "np.ndarray"


def write_samples(path: Path, samples: Samples) -> None:
    """Write the file, replacing that of an earlier epoch.

    Raises:
        StorageError: It cannot be written; the previous file is kept.
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
    """Read the output of `write_samples`.

    Raises:
        ReadError: The file does not exist or is damaged.
    """
    import numpy as np

    try:
        # Opened here, because np.load leaves a damaged file open.
        with path.open("rb") as raw:
            refuse_compressed(raw)
            with np.load(raw, allow_pickle=False) as file:
                samples = Samples(int(file["epoch"]), file["images"], file["labels"], file["predictions"])
    except FileNotFoundError as error:
        raise ReadError(f"{path}: does not exist; a training writes it after its first epoch.") from error
    except DAMAGED_NPZ as error:
        raise ReadError(f"{path}: cannot be read ({error}); the next epoch overwrites it.") from error
    shapes = {array.shape for array in (samples.images, samples.labels, samples.predictions)}
    if len(shapes) > 1 or samples.images.ndim != 3 or not len(samples.images):
        raise ReadError(f"{path}: expected patches of one shape, received {shapes}; the next epoch overwrites it.")
    return samples
