"""Results of a segmentation, written without a network."""

from pathlib import Path

import numpy as np

from tem_rf.data.tiff import write_tiff
from tem_rf.inference.results import SegmentedFile, remember_finished
from tem_rf.particles.mask import measure_mask
from tem_rf.particles.sizes import summarize_sizes
from tem_rf.particles.table import write_particles
from tem_rf.trust.record import DiceMap


def write_segmented(
    folder: Path,
    name: str,
    *masks: np.ndarray,
    pixel_size_nm: float | None = 0.5,
    min_area_px: float = 12,
    maps: tuple[DiceMap, ...] = (),
) -> None:
    """The files of `segment` for an image, or for a stack of several masks, that later jobs read."""
    folder.mkdir(parents=True, exist_ok=True)
    stem, instances, frames = Path(name).stem, [], []
    for mask in masks:
        numbers = np.zeros(mask.shape, np.uint32)
        frames.append(measure_mask(mask, mask * 1.0, min_area_px=min_area_px, instances=numbers).particles)
        instances.append(numbers.astype(np.uint16))
    files = {"instances": folder / f"{stem}_instances.tif", "particles": folder / f"{stem}_particles.csv"}
    write_tiff(files["instances"], np.stack(instances) if len(masks) > 1 else instances[0], pixel_size_nm=pixel_size_nm)
    write_particles(files["particles"], enumerate(frames, start=1), pixel_size_nm=pixel_size_nm)
    result = SegmentedFile(
        image=Path("raw") / name,
        files=files,
        frames=len(masks),
        particle_fraction=float(np.mean([mask.mean() for mask in masks])),
        pixel_size_nm=pixel_size_nm,
        sizes=summarize_sizes([one for frame in frames for one in frame]),
        left_out=0,
        min_diameter_px=4,
        scores=None,
        hard_dice=None,
        notes=(),
        maps=maps,
    )
    remember_finished(folder / f"{stem}_segmented.json", {}, result)
