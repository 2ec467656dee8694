"""`tem-rf runs`: list runs, annotate, rename, archive and delete them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.option_names import OptionNamingGroup
from tem_rf.cli.output import JsonFlag, print_json, print_remark, print_table
from tem_rf.errors import RunError, SettingsError
from tem_rf.jobs import keep_runs
from tem_rf.runs.keeping import ARCHIVE
from tem_rf.runs.notes import write_notes
from tem_rf.runs.root import DEFAULT_ROOT, find_run, list_runs
from tem_rf.runs.view import RunView, duration_text, try_to_view_run, view_run

RunsOption = Annotated[Path, typer.Option(help="Folder of the runs.")]
OneRun = Annotated[str, typer.Argument(help="Name or folder of the run.")]
SomeRuns = Annotated[list[str], typer.Argument(help="Names or folders of the runs.")]

runs = typer.Typer(
    cls=OptionNamingGroup,
    add_completion=False,
    help="List all runs with their states and best scores; annotate, rename, archive and delete them.",
    invoke_without_command=True,
)


@runs.callback()
def show(
    context: typer.Context,
    runs: RunsOption = DEFAULT_ROOT,
    archived: Annotated[bool, typer.Option("--archived", help="List the archived runs.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List all runs with their states and best scores.

    Example: tem-rf runs
    """
    if context.invoked_subcommand is not None:
        if as_json or archived or runs != DEFAULT_ROOT:
            raise SettingsError(f"put the options after the command: `tem-rf runs {context.invoked_subcommand} ...`.")
        return
    root = runs / ARCHIVE if archived else runs
    views = [try_to_view_run(run) for run in list_runs(root)]
    if as_json:
        print_json([view.to_json() for view in views])
        return
    columns = ["run", "state", "epochs", "best validation hard dice", "patches/s", "left"]
    has_notes = any(view.notes.tags or view.notes.note for view in views)
    rows = [[*_row(view), *([_notes_text(view)] if has_notes else [])] for view in views]
    print_table(f"Runs in {root}: {len(views)}", columns + ["tags and note"] * has_notes, rows)


@runs.command()
def note(
    run: OneRun,
    text: Annotated[str, typer.Argument(help="The note; an empty one removes it.")],
    runs: RunsOption = DEFAULT_ROOT,
) -> None:
    """Write a note about a run; it is kept in notes.json in its folder.

    Example: tem-rf runs note au-5nm-n2-p44-best-s752 "drifting specimen, compare with s140"
    """
    write_notes(find_run(run, runs), note=text)
    print_remark(f"{run}: {'note written' if text.strip() else 'note removed'}")


@runs.command()
def tag(
    run: OneRun,
    tags: Annotated[list[str] | None, typer.Argument(help="Tags to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Tag to remove.")] = None,
    runs: RunsOption = DEFAULT_ROOT,
) -> None:
    """Add or remove tags of a run, to filter by in the app.

    Example: tem-rf runs tag au-5nm-n2-p44-best-s752 paper figure-2 --remove draft
    """
    folder = find_run(run, runs)
    before = view_run(folder).notes.tags
    notes = write_notes(folder, tags={*before, *(tags or ())} - {*(remove or ())})
    print_remark(f"{run}: {', '.join(notes.tags) or 'no tags'}")


@runs.command()
def rename(
    run: OneRun, name: Annotated[str, typer.Argument(help="The new name.")], runs: RunsOption = DEFAULT_ROOT
) -> None:
    """Rename a run, unless it is training, waiting in the queue or part of a study.

    Example: tem-rf runs rename au-5nm-n2-p44-best-s752 gold-small-field
    """
    print_remark(f"{run}: is now {keep_runs.rename_run(find_run(run, runs), name).path}")


@runs.command()
def archive(run: SomeRuns, runs: RunsOption = DEFAULT_ROOT) -> None:
    """Move runs to the folder archive/ beside them, out of lists and tables; everything in them is kept.

    Example: tem-rf runs archive au-5nm-n2-p44-best-s752
    """
    for one in keep_runs.archive_runs([find_run(each, runs) for each in run]):
        print_remark(f"{one.name}: archived; restore it with `tem-rf runs restore {one.name}`")


@runs.command()
def restore(
    run: Annotated[list[str], typer.Argument(help="Names of archived runs.")], runs: RunsOption = DEFAULT_ROOT
) -> None:
    """Move runs back from the archive.

    Example: tem-rf runs restore au-5nm-n2-p44-best-s752
    """
    for one in keep_runs.restore_runs(run, runs):
        print_remark(f"{one.name}: restored")


@runs.command()
def delete(
    run: SomeRuns,
    runs: RunsOption = DEFAULT_ROOT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete runs with their networks, scores and masks, after asking; never one that is training or waiting.

    Example: tem-rf runs delete au-5nm-n2-p44-best-s752
    """
    folders = [find_run(each, runs) for each in run]
    if not yes:
        if not sys.stdin.isatty():
            raise SettingsError("`yes`: is required to delete runs without a terminal to ask in.")
        names = ", ".join(folder.name for folder in folders)
        if not typer.confirm(f"Delete {names} with everything in the folder?", err=True):
            raise RunError("nothing was deleted.")
    keep_runs.delete_runs(folders)
    print_remark(f"deleted: {', '.join(folder.name for folder in folders)}")


def _row(view: RunView) -> list[str]:
    if view.state == "unreadable":
        return [view.run.name, f"unreadable: {view.detail}", "", "", "", ""]
    best = f"{view.best.validation_hard_dice:.3f} (epoch {view.best.epoch})" if view.best else ""
    speed = f"{view.patches_per_s:.1f}" if view.patches_per_s else ""
    left = duration_text(view.seconds_left) if view.seconds_left else ""
    return [view.run.name, view.state, f"{len(view.epochs)}/{view.total_epochs}", best, speed, left]


def _notes_text(view: RunView) -> str:
    return " ".join([*(f"#{tag}" for tag in view.notes.tags), view.notes.note]).strip()
