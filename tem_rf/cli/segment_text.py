"""Output of `tem-rf segment`."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tem_rf.cli.option_names import with_option_names
from tem_rf.cli.output import print_table
from tem_rf.trust.advice import explain, summarize

if TYPE_CHECKING:
    from tem_rf.inference.results import SegmentedFile
    from tem_rf.inference.tracks import TrackedFile


def segmented_json(result: SegmentedFile, tracked: TrackedFile | None) -> dict[str, Any]:
    """Return the result for one file as JSON types; lengths in px and nm."""
    files = result.files if tracked is None else result.files | tracked.files
    return {
        "image": str(result.image),
        **{kind: str(file) for kind, file in files.items()},
        "frames": result.frames,
        "particle_fraction": result.particle_fraction,
        "pixel_size_nm": result.pixel_size_nm,
        "min_diameter_px": result.min_diameter_px,
        "left_out": result.left_out,
        "low_confidence": result.low_confidence,
        "sizes": result.sizes.to_json(result.pixel_size_nm),
        "scores": result.scores and {**result.scores.to_json(), "hard_dice": result.hard_dice},
        "trajectories": tracked
        and {
            "count": tracked.tracks,
            "starts": tracked.starts,
            "ends": tracked.ends,
            "frame_interval_s": tracked.frame_interval_s,
            **tracked.motion,
        },
        "trust": trust_json(result),
        "lattices": result.lattices and result.lattices.to_json(),
        "notes": list(result.notes),
    }


def trust_json(result: SegmentedFile) -> dict[str, Any] | None:
    """Return whether to trust the masks of a file, as JSON types; None if the model has no record of that."""
    worst = result.worst
    if worst is None:
        return None
    return {
        "is_trusted": result.flagged == 0,
        "expected_dice": round(fmean(one.expected_dice for one in result.verdicts), 4),
        "interval": [round(worst.low, 4), round(worst.high, 4)],
        "reason": worst.reason or None,
        "advice": with_option_names(explain(worst)) or None,
        "flagged_frames": [number for number, one in enumerate(result.verdicts, start=1) if not one.is_trusted],
        "frames": [
            {
                "is_trusted": one.is_trusted,
                "expected_dice": round(one.expected_dice, 4),
                "interval": [round(one.low, 4), round(one.high, 4)],
                "reason": one.reason or None,
                "dose_factor": one.dose_factor and round(one.dose_factor, 3),
            }
            for one in result.verdicts
        ],
    }


def print_segmented(title: str, results: Sequence[tuple[SegmentedFile, TrackedFile | None]]) -> None:
    """Print one row per file, with columns for frames, tracks and scores if any file has them."""
    columns = ["image", "particle", "particles", "too small", "diameter", "polydispersity"]
    is_stack = any(result.frames > 1 for result, _ in results)
    is_tracked = any(tracked for _, tracked in results)
    is_scored = any(result.scores for result, _ in results)
    has_verdict = any(result.verdicts for result, _ in results)
    columns += ["expected dice", "trust"] * has_verdict
    columns += ["frames"] * is_stack + ["tracks", "merged tracks", "split tracks", "vanished"] * is_tracked
    has_lattice = any(result.lattices for result, _ in results)
    columns += ["lattice", "crystallinity", "pixel size off by"] * has_lattice
    columns += _SCORES * is_scored
    rows = []
    for result, tracked in results:
        sizes = result.sizes
        scale, unit = (1.0, "px") if result.pixel_size_nm is None else (result.pixel_size_nm, "nm")
        too_small = f"{result.left_out} below {result.min_diameter_px * scale:.2g} {unit}"
        if result.low_confidence:
            too_small += f", {result.low_confidence} of low confidence"
        row: list[object] = [result.image, f"{result.particle_fraction:.1%}", sizes.count, too_small]
        spread = "" if sizes.sd_px is None else f" ± {sizes.sd_px * scale:.2g}"
        mean = "–" if sizes.mean_px is None else f"{sizes.mean_px * scale:.3g}{spread} {unit} (n = {sizes.whole})"
        row.append(mean)
        row.append("–" if sizes.polydispersity is None else f"{sizes.polydispersity:.1%}")
        if has_verdict:
            row += _verdict_cells(result)
        row += [result.frames] * is_stack
        if tracked:
            row += [tracked.tracks, tracked.ends.get("merged", 0), tracked.starts.get("split", 0)]
            row.append(tracked.ends.get("vanished", 0))
        if has_lattice:
            row += _lattice_cells(result)
        if is_scored:
            row += _score_cells(result)
        rows.append(row)
    print_table(title, columns, rows)


def _verdict_cells(result: SegmentedFile) -> list[object]:
    worst = result.worst
    if worst is None:
        return ["–", "–"]
    if len(result.verdicts) == 1:
        return [summarize(worst), f"no: {worst.reason}" if result.flagged else "yes"]
    mean = fmean(one.expected_dice for one in result.verdicts)
    return [f"{mean:.2f}", f"not {result.flagged} of {result.frames}: {worst.reason}" if result.flagged else "yes"]


def _lattice_cells(result: SegmentedFile) -> list[object]:
    found = result.lattices
    if found is None:
        return ["–"] * 3
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    crystallinity = "–" if found.mean_crystallinity is None else f"{found.mean_crystallinity:.0%}"
    off = found.calibration
    error = "–" if off is None else f"{off.deviation:+.1%} ± {off.standard_error:.1%}"
    return [kinds or "–", crystallinity, error]


_SCORES = [
    *("dice", "found", "merged", "split", "false negatives", "false positives"),
    *("F1 at IoU 0.5", "panoptic quality", "diameter bias"),
]


def _score_cells(result: SegmentedFile) -> list[object]:
    scores = result.scores
    if scores is None:
        return ["–"] * len(_SCORES)
    instances = scores.instances
    matches = ["–" if one is None else f"{one:.3f}" for one in (instances.f1()[0], instances.panoptic_quality)]
    bias = "–" if scores.diameter_bias is None else f"{scores.diameter_bias:+.1%}"
    found = f"{scores.found} of {scores.labelled}"
    return [
        *(f"{result.hard_dice:.3f}", found, scores.merged, scores.split),
        *(scores.false_negatives, scores.false_positives, *matches, bias),
    ]
