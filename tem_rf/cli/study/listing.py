"""`tem-rf study list`: the studies, and how far they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tem_rf.cli.output import JsonFlag, print_json, print_table
from tem_rf.errors import TemRfError
from tem_rf.study.folder import DEFAULT_ROOT

if TYPE_CHECKING:
    from tem_rf.study.folder import StudyFolder


def list_(
    root: Annotated[Path, typer.Argument(help="Folder of the studies.")] = DEFAULT_ROOT, as_json: JsonFlag = False
) -> None:
    """List the studies with their states and how many trainings are done.

    Example: tem-rf study list
    """
    from tem_rf.study.folder import list_studies

    studies = list_studies(root)
    if as_json:
        print_json([_result(study) for study in studies])
        return
    rows = [_row(study) for study in studies]
    print_table(f"Studies in {root}: {len(rows)}", ["study", "state", "setups", "trainings", "failed"], rows)


def study_result(study: "StudyFolder") -> dict[str, Any]:
    """How far a study is, as JSON types."""
    from tem_rf.study.summary import summarize_study

    summary = summarize_study(study)
    return {
        "study": str(study.path),
        "state": summary.state,
        "detail": summary.detail,
        "setups": summary.setups,
        "runs_finished": summary.runs_finished,
        "runs_failed": summary.runs_failed,
        "runs_planned": summary.runs_planned,
    }


def _result(study: "StudyFolder") -> dict[str, Any]:
    try:
        return study_result(study)
    except TemRfError as error:
        return {"study": str(study.path), "state": "unreadable", "detail": str(error)}


def _row(study: "StudyFolder") -> list[object]:
    result = _result(study)
    if result["state"] == "unreadable":
        return [study.name, f"unreadable: {result['detail']}", "", "", ""]
    planned = "?" if result["runs_planned"] is None else result["runs_planned"]
    done = f"{result['runs_finished']}/{planned}"
    return [study.name, result["state"], result["setups"], done, result["runs_failed"] or ""]
