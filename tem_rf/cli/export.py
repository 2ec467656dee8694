"""`tem-rf export`: package the network of a run."""

from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.backend import import_keras
from tem_rf.cli.output import JsonFlag, print_json, progress_console
from tem_rf.errors import ModelError
from tem_rf.runs.root import DEFAULT_ROOT, find_run

MODELS = Path("saved_models")


def export(
    run: Annotated[str, typer.Argument(help="Name or folder of the run.")],
    output: Annotated[Path | None, typer.Option(help=f"Folder to write; default: {MODELS}/NAME of the run.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that stands there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Export the best network of a run as a SavedModel that takes raw counts, with model.json.

    It needs TensorFlow only: tf.saved_model.load(FOLDER).serve(counts) gives probability and mask.

    Example: tem-rf export au-5nm-n2-p44-paper-s752
    """
    folder = find_run(run, runs)
    output = output or MODELS / folder.name
    if output.exists() and not overwrite:
        refuse_foreign_folder(output)
    console = progress_console()
    import_keras()
    with console.status(f"exporting {folder.name}"):
        from tem_rf.export.saved_model import export_saved_model

        card = export_saved_model(folder, output)
    if as_json:
        print_json({"model": str(output), "card": card.to_json()})
        return
    dice = f", test hard dice {card.test.hard_dice:.3f}" if card.test else ", not evaluated"
    print(f"{output}: SavedModel of {card.architecture.name}, {card.parameters} parameters{dice}")


def refuse_foreign_folder(output: Path) -> None:
    """A model of ours may be replaced by a newer export of the same name; anything else is the user's."""
    from tem_rf.inference.card import CARD_NAME

    if not (output / CARD_NAME).exists() and any(output.iterdir()):
        raise ModelError(
            f"{output}: is not empty and holds no exported model; choose another --output, or add --overwrite."
        )
