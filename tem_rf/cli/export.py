"""`tem-rf export`: package the network of a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_table, show_status
from tem_rf.errors import ModelError, SettingsError
from tem_rf.exporting.export import LICENSE, export_over
from tem_rf.exporting.formats import FORMATS, SAVED_MODEL, formats_named
from tem_rf.models.backend import import_keras
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.root import DEFAULT_ROOT, find_run
from tem_rf.saved_models import MODELS

if TYPE_CHECKING:
    from tem_rf.exporting.check import Comparison
    from tem_rf.inference.card import HeldOutScores, ModelCard


def export(
    run: Annotated[
        list[str], typer.Argument(help="Name or folder of the run; of several seeds, the best in validation is taken.")
    ],
    output: Annotated[Path | None, typer.Option(help=f"Folder to write; default: {MODELS}/NAME of the run.")] = None,
    formats: Annotated[
        str,
        typer.Option(
            "--format",
            help=f"What to write, with commas: {', '.join(FORMATS)}. The SavedModel, which tem-rf reads, always is.",
        ),
    ] = SAVED_MODEL.name,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Run every format that stands there by its own runtime and compare with the run; "
            "write only if one is missing.",
        ),
    ] = False,
    authors: Annotated[
        list[str] | None,
        typer.Option("--author", help="Who made the model, for the card and bioimage.io; may be repeated."),
    ] = None,
    license_id: Annotated[
        str | None,
        typer.Option(
            "--license",
            help=f"SPDX name of the license under which the model is given away; default: as before, or {LICENSE}.",
        ),
    ] = None,
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=FOLDER of labelled micrographs to score the network on, for the card; may be repeated."
        ),
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="What the model is for, for the card.")] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="What it was not made for, for the card; may be repeated.")
    ] = None,
    made_by: Annotated[str | None, typer.Option(help="The command that made it, for the card.")] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = DEFAULT_ROOT,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a model that stands there.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Export the best network of a run, with model.json, which says what each format takes and gives, and its page.

    The SavedModel takes raw counts: tf.saved_model.load(FOLDER).serve(counts) gives probability and mask. The package
    for bioimage.io is what deepImageJ in Fiji, QuPath and ilastik open. Formats that stood in the folder are written
    again, so that all of them hold one network.

    Example: tem-rf export au-5nm-n2-p44-paper-s752 --format onnx,bioimageio --check
    """
    candidates = [find_run(one, runs) for one in run]
    held_out_folders = dict(map(_named_folder, held_out or []))
    wanted = formats_named(formats)
    import_keras()
    from tem_rf.exporting.best_seed import best_seed, seed_scores
    from tem_rf.exporting.card_notes import CardNotes

    folder = best_seed(candidates)
    output = output or MODELS / folder.name
    notes = CardNotes(
        authors=tuple(authors or ()),
        license=license_id,
        purpose=purpose,
        limits=tuple(limit or ()),
        made_by=made_by,
        seeds=seed_scores(candidates) if len(candidates) > 1 else (),
        held_out=_score_held_out(folder, held_out_folders) if held_out_folders else (),
    )
    with show_status(f"exporting {folder.name} as {', '.join(one.name for one in wanted)}"):
        card = export_over(
            folder,
            output,
            wanted,
            notes=notes,
            only_missing=check,
            overwrite=overwrite,
        )
    comparisons = []
    if check:
        from tem_rf.exporting.check import compare_formats

        with show_status("comparing the formats with the run") as on_step:
            for comparison in compare_formats(folder, output):
                on_step(f"comparing {comparison.runtime} with the run")
                comparisons.append(comparison)
    if as_json:
        print_json(_as_json(output, card, comparisons, check=check))
    else:
        _print(output, card, comparisons)
    _refuse_differences(output, comparisons)


def _named_folder(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise SettingsError(f"--held-out: expected NAME=FOLDER, received {text!r}.")
    return name, Path(folder)


def _score_held_out(run: RunFolder, folders: dict[str, Path]) -> "tuple[HeldOutScores, ...]":
    from tem_rf.exporting.micrographs import score_held_out
    from tem_rf.inference.model import load_segmenter

    segmenter = load_segmenter(run.path)
    scores = []
    for name, folder in folders.items():
        with show_status(f"segmenting {name}"):
            scores.append(score_held_out(segmenter, folder, name=name))
    return tuple(scores)


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
            "Largest difference of a probability from that of the run",
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
    if not worst.difference <= TOLERANCE:  # NaN is no agreement either
        raise ModelError(
            f"{output}: {worst.runtime} differs from the run by {worst.difference:.1e}, expected at most "
            f"{TOLERANCE:.0e}; export it again without --check."
        )
