"""The errors of a network and of Fourier filtering in a test image; read in worker threads."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.errors import NoBraggPeaksError, ReadError
from tem_rf.runs import RunFolder
from tem_rf_tui.painting import Picture

if TYPE_CHECKING:
    import numpy as np

    from tem_rf.baselines.fourier import Band
    from tem_rf.data.prepared import PreparedDataset
    from tem_rf.metrics.scores import ImageScores


@dataclass(frozen=True)
class ErrorPreview:
    """The errors of one method.

    Attributes:
        picture: The image with its label and the mask; None if the method cannot be used on these images.
        text: The scores, or the reason why there are none.
    """

    picture: Picture | None
    text: str


def preview_network_errors(run: RunFolder, image: "ImageScores") -> ErrorPreview:
    """Compare the mask that the network of a run predicted for a test image with its label.

    Raises:
        TemRfError: The dataset or the masks are missing, or the masks are from another network than the one evaluated.
    """
    from tem_rf.evaluation.evaluate import read_mask
    from tem_rf.runs.dataset import open_training_data

    if not run.masks_file.exists() or not run.is_scored:
        raise ReadError(
            f"{run.name}: has no masks of the current network; evaluate it again (Esc, {{results.evaluate}})."
        )
    dataset = open_training_data(run.config)
    place, index = _find(dataset, image)
    return _preview(dataset, index, read_mask(run.masks_file, place))


def preview_fourier_errors(run: RunFolder, image: "ImageScores") -> ErrorPreview:
    """Compare the result of Fourier filtering for the same image with its label.

    Raises:
        TemRfError: The dataset is missing.
    """
    import numpy as np

    from tem_rf.baselines.fourier import fourier_filter
    from tem_rf.runs.dataset import open_training_data

    dataset = open_training_data(run.config)
    _, index = _find(dataset, image)
    band = _band(dataset.folder, run.config.dataset_sha256)
    if isinstance(band, str):
        return ErrorPreview(None, f"Fourier filtering: {band}")
    return _preview(dataset, index, fourier_filter(np.asarray(dataset.images[index]), band).mask)


def labelled_files(run: RunFolder, image: "ImageScores") -> tuple[Path, Path]:
    """Return the files of the micrograph and the label from which a test image was cut.

    Raises:
        TemRfError: The dataset is missing, or the files are no longer where they were.
    """
    from tem_rf.runs.dataset import open_training_data

    dataset = open_training_data(run.config)
    source = next((one for one in dataset.manifest.sources if one.name == image.source), None)
    if source is None:
        raise ReadError(f"{image.source}: is no longer in {dataset.folder}; evaluate the run again.")
    files = Path(source.file), Path(source.label_file)
    for file in files:
        if not file.is_file():
            raise ReadError(f"{file}: no such file; it was there when {dataset.folder.name} was prepared.")
    return files


def _preview(dataset: "PreparedDataset", index: int, mask: "np.ndarray") -> ErrorPreview:
    import numpy as np

    from tem_rf.metrics.dice import hard_dice

    label = dataset.particles(index)
    dice, negatives, positives = float(hard_dice(mask, label)), (label & ~mask).mean(), (mask & ~label).mean()
    picture = Picture(np.array(dataset.images[index]), mask, dataset.manifest.pixel_size_nm, label=label)
    return ErrorPreview(picture, f"dice {dice:.3f}  █ false negative {negatives:.1%}  ▚ false positive {positives:.1%}")


def _find(dataset: "PreparedDataset", image: "ImageScores") -> tuple[int, int]:
    """Return the position of an image among the test images, and the index of its patch."""
    for place, index in enumerate(dataset.indices("test")):
        patch = dataset.patches[index]
        if (patch.source, patch.y_px, patch.x_px) == (image.source, image.y_px, image.x_px):
            return place, int(index)
    raise ReadError(f"{image.source}: is no longer a test image of {dataset.folder}; evaluate the run again.")


@lru_cache(maxsize=4)
def _band(folder: Path, fingerprint: str) -> "Band | str":
    """Return the band used for all test images of a dataset, as in `tem-rf evaluate`, or why there is none."""
    import numpy as np

    from tem_rf.baselines.bragg import find_band
    from tem_rf.data.prepared import open_dataset

    dataset = open_dataset(folder)
    try:
        return find_band(np.asarray(dataset.images[dataset.indices("test")]))
    except NoBraggPeaksError as error:
        return str(error)
