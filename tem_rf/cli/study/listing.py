"""`tem-rf study list`: list the studies and their progress."""

from typing import TYPE_CHECKING, Any

from tem_rf.cli.output import JsonFlag, print_json, print_table
from tem_rf.cli.study.table import StudiesOption
from tem_rf.errors import TemRfError
from tem_rf.study.folder import DEFAULT_ROOT

if TYPE_CHECKING:
    from tem_rf.study.folder import StudyFolder


def list_(studies: StudiesOption = DEFAULT_ROOT, as_json: JsonFlag = False) -> None:
    """List all studies with their states and numbers of finished trainings.

    Example: tem-rf study list
    """
    from tem_rf.study.folder import list_studies

    folders = list_studies(studies)
    if as_json:
        print_json([_result(study) for study in folders])
        return
    rows = [_row(study) for study in folders]
    print_table(f"Studies in {studies}: {len(rows)}", ["study", "state", "setups", "trainings", "failed"], rows)


def study_result(study: "StudyFolder") -> dict[str, Any]:
    """Return the progress of a study as JSON types."""
    from tem_rf.study.view import view_study

    view = view_study(study)
    return {
        "study": str(study.path),
        "state": view.state,
        "detail": view.detail,
        "setups": view.setups,
        "runs_finished": view.runs_finished,
        "runs_failed": view.runs_failed,
        "runs_planned": view.runs_planned,
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
