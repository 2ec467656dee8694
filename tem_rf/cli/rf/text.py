"""Input and output of `tem-rf rf`: tables, remarks, lists of numbers."""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tem_rf.architecture import Architecture
from tem_rf.architecture.layers import layers
from tem_rf.cli.output import print_table
from tem_rf.errors import SettingsError


@dataclass(frozen=True)
class Yardsticks:
    """Lengths to compare a receptive field with; None if not given."""

    pixel_size_nm: float | None
    particle_nm: float | None
    lattice_spacing_nm: float


def print_architecture(architecture: Architecture, record: dict[str, Any], yardsticks: Yardsticks) -> None:
    """Print the layers of an architecture and its receptive field."""
    pixel_size_nm = yardsticks.pixel_size_nm
    rows, field_px = [], 1
    for layer in layers(architecture):
        field_px += layer.growth_px
        numbers = [layer.size, layer.dilation, layer.jump_px, layer.filters, layer.parameters, field_px]
        rows.append([layer.name, *numbers, *([] if pixel_size_nm is None else [f"{field_px * pixel_size_nm:.2f}"])])
    columns = ["layer", "size", "dilation", "jump (px)", "filters", "parameters", "field by eq. 1 (px)"]
    print_table(architecture.name, [*columns, *([] if pixel_size_nm is None else ["(nm)"])], rows)

    lengths = [("equation (1)", record["equation_size_px"])]
    if record["reach_px"] is not None:
        lengths += [(f"exact, {name}", record[f"size_{key}_px"]) for name, key in _WIDTHS.items()]
        lengths += [("reach, on one side", record["reach_px"])]
    columns, rows = ["receptive field", "px"], [[name, f"{length:g}"] for name, length in lengths]
    if pixel_size_nm is not None:
        nanometres = [length * pixel_size_nm for _, length in lengths]
        if yardsticks.particle_nm:
            lengths.append(("particle", yardsticks.particle_nm / pixel_size_nm))
            nanometres.append(yardsticks.particle_nm)
        lengths.append(("lattice spacing", yardsticks.lattice_spacing_nm / pixel_size_nm))
        nanometres.append(yardsticks.lattice_spacing_nm)
        units = {"in particles": yardsticks.particle_nm, "in lattice spacings": yardsticks.lattice_spacing_nm}
        units = {name: unit for name, unit in units.items() if unit}
        columns += ["nm", *units]
        rows = [
            [name, f"{length:.4g}", f"{nm:.4g}", *(f"{nm / unit:.3g}" for unit in units.values() if unit)]
            for (name, length), nm in zip(lengths, nanometres, strict=True)
        ]
    print_table("", columns, rows)
    print(
        f"{record['parameters']:,} parameters, stride {record['stride_px']} px, activations "
        f"{record['activation_memory_mb']:.0f} MB per patch of {record['patch_size']} px"
    )


def print_list(title: str, records: Sequence[dict[str, Any]]) -> None:
    """Print one line per architecture."""
    in_nm = bool(records) and "size_mean_nm" in records[0]
    columns = ["architecture", "parameters", "eq. 1 (px)", "exact (px)", "reach (px)"]
    columns += [*(["mean (nm)", "reach (nm)"] if in_nm else []), "full view", "activations (MB)"]
    rows = []
    for record in records:
        whole = record["reach_px"] is None
        exact = "whole image" if whole else "-".join(map(str, sorted({record["size_min_px"], record["size_max_px"]})))
        nm = ["-", "-"] if whole else [f"{record[key]:.2f}" for key in ("size_mean_nm", "reach_nm") if in_nm]
        rows.append(
            [
                record["name"],
                f"{record['parameters']:,}",
                record["equation_size_px"],
                exact,
                "-" if whole else record["reach_px"],
                *(nm if in_nm else []),
                f"{record['full_view_fraction']:.0%}",
                f"{record['activation_memory_mb']:.0f}",
            ]
        )
    print_table(title, columns, rows)


def print_csv(records: Sequence[dict[str, Any]]) -> None:
    """Print records as CSV with a header."""
    if records:
        writer = csv.DictWriter(sys.stdout, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def remarks(architecture: Architecture, patch_size: int) -> list[str]:
    """Return what a user of this architecture should know, one sentence each."""
    field, notes = architecture.receptive_field, []
    if field.size_px is None or field.reach_px is None:
        return [
            "sees the whole image, because instance normalization computes mean and variance over it; "
            "segmenting tiles gives a different result from segmenting the whole image."
        ]
    if field.size_px.max > patch_size:
        notes.append(
            f"its receptive field of up to {field.size_px.max} px is larger than a patch of {patch_size} px: no pixel "
            "sees its whole receptive field during training, and beyond the border the layers see zeros instead of the "
            "micrograph; train on larger patches or choose a smaller receptive field."
        )
    elif 2 * field.reach_px >= patch_size / 2:
        inside_px = max(0, patch_size - 2 * field.reach_px)
        notes.append(
            f"only the central {inside_px} x {inside_px} px of a patch of {patch_size} px see their whole receptive "
            "field; closer to the border the layers see zeros instead of the micrograph."
        )
    if patch_size % architecture.stride:
        notes.append(f"a patch of {patch_size} px is not a multiple of its stride of {architecture.stride} px.")
    if field.has_holes:
        notes.append("dilation leaves holes in its receptive field: some pixels in it have no influence (gridding).")
    return notes


def whole_numbers(option: str, text: str) -> list[int]:
    """Read the value of an option that takes numbers separated by commas.

    Raises:
        SettingsError: The value contains something else.
    """
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise SettingsError(f"{option}: expected whole numbers separated by commas, received {text!r}.") from error


_WIDTHS = {"minimum": "min", "mean": "mean", "maximum": "max"}
