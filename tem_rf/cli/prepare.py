"""`tem-rf prepare`: prepare a dataset from labelled micrographs."""

from typing import TYPE_CHECKING, Any

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table, show_progress
from tem_rf.jobs.prepare import PrepareRequest
from tem_rf.jobs.prepare import prepare as run

if TYPE_CHECKING:
    from tem_rf.data.prepared import PreparedDataset


@takes(PrepareRequest)
def prepare(request: PrepareRequest, as_json: JsonFlag = False) -> None:
    """Cut labelled micrographs into a dataset of patches, split into training, validation and test sets.

    Several folders, each with its own labels, are combined into one dataset. They must have the same pixel size, or be
    rescaled with --target-pixel-size-nm.

    Example: tem-rf prepare micrographs --output datasets/au-5nm --pixel-size-nm 0.02
    """
    from tem_rf.data.preparation.dataset_notes import dataset_notes

    with show_progress("Preparing") as on_progress:
        dataset = run(request, progress=on_progress)
    if dataset.reused:
        print_remark(f"{request.output}: up to date, nothing to do")
    notes = dataset_notes(dataset.manifest)
    for note in notes:
        print_remark(note)
    if as_json:
        print_json(_result(dataset) | {"notes": notes})
    else:
        print_table(str(request.output), ["split", "micrographs", "patches", "particle fraction"], _rows(dataset))


def _rows(dataset: "PreparedDataset") -> list[list[object]]:
    from tem_rf.data.splits import SPLITS

    rows: list[list[object]] = []
    for split in SPLITS:
        patches = [patch for patch in dataset.patches if patch.split == split]
        fraction = sum(patch.particle_fraction for patch in patches) / max(1, len(patches))
        micrographs = len({patch.source for patch in patches})
        rows.append([split, micrographs, len(patches), round(fraction, 3)])
    return rows


def _result(dataset: "PreparedDataset") -> dict[str, Any]:
    columns = ("split", "micrographs", "patches", "particle_fraction")
    return {
        "dataset": str(dataset.folder),
        "reused": dataset.reused,
        "pixel_size_nm": dataset.manifest.pixel_size_nm,
        "patch_size": dataset.manifest.patch_size,
        "splits": [dict(zip(columns, row, strict=True)) for row in _rows(dataset)],
    }
