"""Output of `tem-rf data inspect`."""

from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.cli.output import print_json, print_table
from tem_rf.data.prepared import PreparedDataset, open_dataset
from tem_rf.evaluation.inspection import Inspection, inspect_dataset

PICTURE_FILE = "inspection.png"


def print_inspection(folder: Path, picture: Path | None, as_json: bool) -> None:
    """Inspect a dataset, print a summary and write a picture."""
    from tem_rf.evaluation.inspection import write_inspection_picture

    dataset = open_dataset(folder)
    inspection = inspect_dataset(dataset)
    picture = picture or folder / PICTURE_FILE
    write_inspection_picture(picture, dataset, inspection)
    result = _result(dataset, inspection) | {"picture": str(picture)}
    if as_json:
        print_json(result)
        return
    columns = ("split", "micrographs", "patches", "particle fraction", "min", "max")
    print_table(str(folder), columns, [list(balance.values()) for balance in result.pop("balance")])
    print_table("", ("", "value"), [(key.replace("_", " "), _text(value)) for key, value in result.items()])


def _result(dataset: PreparedDataset, inspection: Inspection) -> dict[str, Any]:
    """Return the summary as JSON types, rounded."""
    intensity, size = dataset.manifest.intensity, inspection.pixel_size_nm
    spacing = inspection.lattice_spacing_px
    result: dict[str, Any] = {
        "balance": [
            {
                "split": balance.split,
                "micrographs": balance.micrographs,
                "patches": len(balance.particle_fractions),
                "particle_fraction": round(float(balance.particle_fractions.mean()), 3),
                "min_particle_fraction": round(float(balance.particle_fractions.min()), 3),
                "max_particle_fraction": round(float(balance.particle_fractions.max()), 3),
            }
            for balance in inspection.balance
        ],
        "pixel_size_nm": size,
        "median_background": round(intensity.background.median, 3),
        "median_particle": round(intensity.particle.median, 3),
        "effect_size": round(inspection.effect_size, 3),
        "whole_particles": len(inspection.diameters_px),
        "cut_particles": inspection.cut_particles,
        **_diameters(inspection.diameters_px, "px"),
        "lattice_spacing_px": spacing and round(spacing, 2),
        "leaks": [f"{pair.one} {pair.other}" for pair in dataset.manifest.near_duplicates if pair.is_leak],
    }
    if size:
        result |= _diameters(inspection.diameters_px * size, "nm")
        result["lattice_spacing_nm"] = spacing and round(spacing * size, 4)
    return result


def _diameters(diameters: np.ndarray, unit: str) -> dict[str, float | None]:
    """Return median and standard deviation; None if there are no particles."""
    known = diameters.size > 0
    return {
        f"diameter_median_{unit}": round(float(np.median(diameters)), 2) if known else None,
        f"diameter_sd_{unit}": round(float(diameters.std()), 2) if known else None,
    }


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value)
