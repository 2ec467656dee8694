"""A prepared dataset in another normalization, converted patch by patch when it is read."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tem_rf.config.preparation import Normalization
from tem_rf.data.prepared import PreparedDataset
from tem_rf.errors import DatasetError


def in_normalization(dataset: PreparedDataset, wanted: Normalization) -> PreparedDataset:
    """The same dataset in another normalization; nothing is written.

    Every normalization is counts minus an offset, divided by a scale, and a dataset records both of its micrographs.

    Args:
        dataset: The dataset, in any normalization.
        wanted: The other normalization.

    Raises:
        DatasetError: The dataset does not record the levels of that normalization.
    """
    own = dataset.manifest.settings.normalization
    if wanted == own:
        return dataset
    sources, lines = [], {}
    for source in dataset.manifest.sources:
        levels = source.levels(own, wanted)
        if levels is None or levels[1] <= 0:
            raise DatasetError(
                f"{dataset.folder}: was prepared with `normalization` {own} and does not record what {wanted} needs; "
                f"prepare it again with `normalization` {wanted} and `overwrite`."
            )
        offset, scale = levels
        lines[source.name] = (source.scale / scale, (source.offset - offset) / scale)
        sources.append(source.model_copy(update={"offset": offset, "scale": scale}))
    slopes, intercepts = np.array([lines[patch.source] for patch in dataset.patches], np.float32).T
    settings = dataset.manifest.settings.model_copy(update={"normalization": wanted})
    manifest = dataset.manifest.model_copy(update={"settings": settings, "sources": tuple(sources)})
    images: Any = ConvertedImages(dataset.images, slopes, intercepts)
    return replace(dataset, manifest=manifest, images=images)


def can_be_normalized(dataset: PreparedDataset, wanted: Normalization) -> bool:
    """Whether a dataset records what another normalization needs."""
    own = dataset.manifest.settings.normalization
    return all((levels := one.levels(own, wanted)) is not None and levels[1] > 0 for one in dataset.manifest.sources)


@dataclass(frozen=True, eq=False)
class ConvertedImages:
    """Patches that are scaled and shifted when they are read; indexed like the array (n, h, w).

    Attributes:
        stored: (n, h, w) float32, memory-mapped.
        slopes: (n,) float32.
        intercepts: (n,) float32.
    """

    stored: Any
    slopes: np.ndarray
    intercepts: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, h, w)."""
        return tuple(self.stored.shape)

    @property
    def dtype(self) -> np.dtype:
        """float32."""
        return np.dtype(self.stored.dtype)

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, index: Any) -> np.ndarray:
        """One patch, or several by a slice, a list or an array of indices or booleans."""
        slopes, intercepts = self.slopes[index], self.intercepts[index]
        return np.asarray(self.stored[index] * slopes[..., None, None] + intercepts[..., None, None])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(np.dtype(dtype or np.float32), copy=False)
