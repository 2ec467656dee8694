"""The report of a check of micrographs and labels, with the problems first."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tem_rf_tui.wording import counted


@dataclass(frozen=True)
class CheckReport:
    """What `tem-rf data check` found.

    Attributes:
        headline: The number of problems and of usable micrographs.
        lines: Problems, notes, and the usable micrographs.
        is_clean: Whether there are no problems.
    """

    headline: str
    lines: tuple[str, ...]
    is_clean: bool


def check_report(result: Any) -> CheckReport | None:
    """Return the report in the JSON output of a job; None if it is that of another command."""
    if not isinstance(result, dict) or not {"pairs", "problems", "notes", "ok"} <= result.keys():
        return None
    pairs, problems = result["pairs"], result["problems"]
    usable = counted(len(pairs), "usable micrograph")
    headline = f"{counted(len(problems), 'problem') if problems else 'no problems'}, {usable}"
    notes: dict[str, list[str]] = {}
    for pair in pairs:
        for note in pair["notes"]:
            notes.setdefault(note, []).append(Path(pair["image"]).name)
    lines = [f"✗ {Path(problem['path']).name}: {problem['reason']}" for problem in problems]
    lines += [f"note: {names[0]}{_more(names)}: {note}" for note, names in notes.items()]
    lines += [f"note: {note}" for note in result["notes"]]
    lines += ["", *map(_pair_text, pairs)] if lines and pairs else list(map(_pair_text, pairs))
    return CheckReport(headline, tuple(lines), not problems)


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _pair_text(pair: dict[str, Any]) -> str:
    size_nm = pair["pixel_size_nm"]
    size = "unknown" if size_nm is None else f"{size_nm:.4g} nm"
    frames = f", {pair['frames']} frames" if pair["frames"] > 1 else ""
    return (
        f"✓ {Path(pair['image']).name}: {pair['width_px']} x {pair['height_px']} px{frames}, pixel size {size}, "
        f"particles {pair['particle_fraction']:.1%}"
    )
