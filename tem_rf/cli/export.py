"""`tem-rf export` and `tem-rf import`: save the network of a run, or a published network, as a model."""

from pathlib import Path
from typing import TYPE_CHECKING

from tem_rf.cli.options import takes
from tem_rf.cli.output import JsonFlag, print_json, print_table, show_status
from tem_rf.errors import ModelError
from tem_rf.jobs.export import ExportRequest, ImportRequest, import_network
from tem_rf.jobs.export import export as run

if TYPE_CHECKING:
    from tem_rf.exporting.check import Comparison
    from tem_rf.inference.card import ModelCard


@takes(ExportRequest)
def export(request: ExportRequest, as_json: JsonFlag = False) -> None:
    """Export the best network of a run, with a model card (model.json and README.md) that describes each format.

    The SavedModel takes raw counts: tf.saved_model.load(FOLDER).serve(counts) returns probability and mask. The
    bioimage.io package opens in deepImageJ in Fiji, QuPath and ilastik. Formats already in the folder are exported
    again, so all of them hold the same network.

    Example: tem-rf export au-5nm-n2-p44-paper-s752 --format onnx,bioimageio --check
    """
    with show_status() as on_step:
        exported = run(request, on_step=on_step)
    if as_json:
        print_json(_as_json(exported.folder, exported.card, exported.comparisons, check=request.check))
    else:
        _print(exported.folder, exported.card, exported.comparisons)
    _refuse_differences(exported.folder, exported.comparisons)


@takes(ImportRequest)
def import_model(request: ImportRequest, as_json: JsonFlag = False) -> None:
    """Import a published network of the study, without PyTorch and without running code from the file.

    Depth, pooling and dilation are read from the file. Networks of two or three levels expect images scaled from 0 to
    1, deeper ones images of mean 0 and standard deviation 1.

    Example: tem-rf import UNet_b2_Au_m22_run1_model.h5 --output saved_models/au-m22
    """
    with show_status(f"importing {request.file.name}"):
        card = import_network(request)
    if as_json:
        print_json({"model": str(request.folder), "card": card.to_json()})
        return
    print(
        f"{request.folder}: SavedModel of {card.architecture.name}, {card.parameters} parameters, "
        f"receptive field {card.receptive_field.equation_size_px} px, normalization {card.preprocessing.normalization}"
    )


def _print(output: Path, card: "ModelCard", comparisons: list["Comparison"]) -> None:
    dice = f", test hard dice {card.test.hard_dice:.3f}" if card.test else ", not evaluated"
    formats = ", ".join(file.format for file in card.files[1:])
    print(
        f"{output}: SavedModel{formats and f' and {formats}'} of {card.architecture.name}, "
        f"{card.parameters} parameters{dice}"
    )
    for one in card.held_out:
        print(f"{one.name}: hard dice {one.hard_dice:.3f} on {one.micrographs} {one.kind} micrographs")
    if comparisons:
        print_table(
            "Largest difference in probability from the run",
            ("format", "micrographs", "height px", "width px", "difference"),
            [(one.runtime, *one.shape, f"{one.difference:.1e}") for one in comparisons],
        )


def _as_json(output: Path, card: "ModelCard", comparisons: list["Comparison"], *, check: bool) -> dict[str, object]:
    content: dict[str, object] = {"model": str(output), "card": card.to_json()}
    if check:
        content["check"] = [
            {"format": one.runtime, "shape": one.shape, "difference": one.difference} for one in comparisons
        ]
    return content


def _refuse_differences(output: Path, comparisons: list["Comparison"]) -> None:
    if not comparisons:
        return
    from tem_rf.exporting.bioimageio_description import TOLERANCE

    worst = max(comparisons, key=lambda one: one.difference)
    if not worst.difference <= TOLERANCE:  # NaN is a difference too
        raise ModelError(
            f"{output}: {worst.runtime} differs from the run by {worst.difference:.1e}, expected at most "
            f"{TOLERANCE:.0e}; export it again without --check."
        )
