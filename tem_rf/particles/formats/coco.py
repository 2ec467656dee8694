"""Write particles as COCO annotations with run lengths, which are exact, holes included."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.files import write_json
from tem_rf.particles.formats.geojson import CLASS


def write_coco(path: Path, frames: Iterable[np.ndarray], image_name: str) -> None:
    """Write an annotation per particle, in the packed run lengths of pycocotools.

    Args:
        path: .json file to write, atomically.
        frames: (h, w) int numbers of the particles of each frame; each is an image in the file, with its number in the
            stack as `frame`.
        image_name: File name of the micrograph.

    Raises:
        StorageError: The disk is full or the location is not writable.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for frame, instances in enumerate(frames, start=1):
        height, width = instances.shape
        images.append({"id": frame, "file_name": image_name, "height": height, "width": width, "frame": frame})
        annotations += _annotations(instances, frame, len(annotations))
    categories = [{"id": 1, "name": CLASS}]
    write_json(path, {"images": images, "categories": categories, "annotations": annotations}, indent=None)


def _annotations(instances: np.ndarray, image_id: int, before: int) -> list[dict[str, Any]]:
    from scipy.ndimage import find_objects

    height, width = instances.shape
    found: list[dict[str, Any]] = []
    for number, place in enumerate(find_objects(instances.astype(np.int64)), start=1):
        if place is None:
            continue
        mask = instances[place] == number
        rows, columns = place
        found.append(
            {
                "id": before + len(found) + 1,
                "image_id": image_id,
                "category_id": 1,
                "particle": number,
                "segmentation": {"size": [height, width], "counts": pack_counts(_runs(mask, place, height, width))},
                "area": int(np.count_nonzero(mask)),
                "bbox": [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start],
                "iscrowd": 0,
            }
        )
    return found


def _runs(mask: np.ndarray, place: tuple[slice, slice], height: int, width: int) -> list[int]:
    """Lengths of alternating runs of background and particle, down the columns of the image."""
    rows, columns = place
    padded = np.zeros((mask.shape[1], mask.shape[0] + 2), np.int8)  # columns, each between background
    padded[:, 1:-1] = mask.T
    column, row = np.nonzero(np.diff(padded))  # starts and ends of runs, alternating
    edges = (columns.start + column) * height + rows.start + row
    starts, ends = edges[::2], edges[1::2]
    is_joined = ends[:-1] == starts[1:]  # from the bottom of a column to the top of the next
    starts, ends = starts[np.append(True, ~is_joined)], ends[np.append(~is_joined, True)]
    bounds = np.stack([starts, ends], axis=1).ravel()
    return [int(length) for length in np.diff(np.concatenate([[0], bounds, [height * width]]))]


def pack_counts(runs: list[int]) -> str:
    """Pack run lengths like the COCO tools: 5 bits per character, differences from the third on.

    >>> pack_counts([5, 2, 2, 2, 5])
    '52203'
    """
    text = []
    for index, run in enumerate(runs):
        value = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text.append(chr((bits | (0x20 if more else 0)) + 48))
    return "".join(text)
