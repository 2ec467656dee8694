"""`tem-rf import`: a published network of the study as a saved model."""

from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import JsonFlag, print_json, show_status
from tem_rf.config.preparation import Normalization
from tem_rf.exporting.export import refuse_foreign_folder
from tem_rf.models.backend import import_keras
from tem_rf.saved_models import MODELS


def import_model(
    file: Annotated[Path, typer.Argument(help="PyTorch file of a whole network, as the study's authors publish them.")],
    output: Annotated[Path | None, typer.Option(help=f"Folder to write; default: {MODELS}/NAME of the file.")] = None,
    normalization: Annotated[
        Normalization | None, typer.Option(help="What the network expects, if not what the authors did at this depth.")
    ] = None,
    pixel_size_nm: Annotated[
        float | None,
        typer.Option(min=1e-5, max=1e6, help="Side of a pixel it was trained at in nm, which the file does not say."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a folder that stands there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import a published network of the study, without PyTorch and without running anything in the file.

    Depth, pooling and dilation are read from the file; networks of two or three levels expect images from 0 to 1,
    deeper ones mean 0 and standard deviation 1.

    Example: tem-rf import UNet_b2_Au_m22_run1_model.h5 --output saved_models/au-m22
    """
    output = output or MODELS / file.stem
    refuse_foreign_folder(output, overwrite=overwrite)
    import_keras()
    with show_status(f"importing {file.name}"):
        from tem_rf.exporting.published import import_published_network

        card = import_published_network(file, output, normalization=normalization, pixel_size_nm=pixel_size_nm)
    if as_json:
        print_json({"model": str(output), "card": card.to_json()})
        return
    print(
        f"{output}: SavedModel of {card.architecture.name}, {card.parameters} parameters, "
        f"receptive field {card.receptive_field.equation_size_px} px, normalization {card.preprocessing.normalization}"
    )
