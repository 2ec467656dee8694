"""Files that were segmented before, so that a killed job over many files does none of them twice."""

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tem_rf.files import parse_json, write_json
from tem_rf.inference.results import SegmentedFile

_RESULT = TypeAdapter(SegmentedFile)


def remember_finished(path: Path, job: dict[str, Any], result: SegmentedFile) -> None:
    """Write what became of a file.

    Args:
        path: JSON file to write.
        job: Everything that decided the result.
        result: The result.
    """
    write_json(path, {"job": job, "result": _RESULT.dump_python(result, mode="json")})


def recall_finished(path: Path, job: dict[str, Any]) -> SegmentedFile | None:
    """What `remember_finished` wrote; None where the job was another one, or a file of the result is gone."""
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        if content["job"] != json.loads(json.dumps(job)):
            return None
        result = _RESULT.validate_python(content["result"])
    except (OSError, ValueError, TypeError, KeyError, ValidationError):
        return None
    return result if all(file.exists() for file in result.files.values()) else None
