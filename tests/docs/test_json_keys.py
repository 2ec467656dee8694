"""The keys on the page are those that are printed, and each has a meaning."""

from pathlib import Path
from typing import Any

import numpy as np

from docs.reference_pages.json_keys import check_keys, json_keys_page, particles_keys, segment_keys
from tem_rf.cli.segment_text import segmented_json
from tem_rf.data.check import FolderCheck
from tem_rf.inference.results import SegmentedFile
from tem_rf.jobs.particles import ParticlesRequest, summarize_particles
from tem_rf.particles.formats.choice import FORMATS
from tem_rf.particles.scores import score_particles
from tem_rf.particles.sizes import summarize_sizes
from tem_rf.trust.kinds import NOISE
from tem_rf.trust.verdict import Verdict
from tests.helpers.discs import discs
from tests.helpers.segmented_folder import write_segmented


def keys_of(content: Any, within: str = "") -> set[str]:
    """All keys, with those of the first entry of lists; intervals have the names of statistics as keys."""
    if isinstance(content, list | tuple):
        return keys_of(content[0], within) if content and isinstance(content[0], dict) else {within}
    if not isinstance(content, dict) or within.endswith("intervals"):
        return {within}
    return set().union(*(keys_of(value, f"{within}.{name}".strip(".")) for name, value in content.items()))


def test_keys_of_segment() -> None:
    scores = score_particles(np.ones((9, 9), int), np.ones((9, 9), int))
    kinds = ("mask", "instances", "overlay", "particles", "histogram", "probability", "disagreement")
    result = SegmentedFile(
        Path("a"),
        {kind: Path(kind) for kind in (*kinds, *FORMATS)},
        1,
        0.5,
        0.5,
        summarize_sizes([]),
        0,
        8,
        scores,
        1.0,
        (),
        verdicts=(Verdict(False, 0.3, 0.1, 0.5, NOISE, 0.2),),
    )
    documented = {key for key, _ in segment_keys()}
    printed = keys_of(segmented_json(result, None))
    assert printed - documented <= {"trajectories"}  # which is null without tracks
    of_tracks = {key for key in documented - printed if "track" in key or key.startswith("trajectories.")}
    assert documented - printed - of_tracks <= {"events", "motion", "motion_plot", "drift", "paths", "development"}


def test_keys_of_particles(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif"):
        write_segmented(tmp_path / "s", name, discs((60, 90), (20, 20, 8), (20, 60, 9), (45, 40, 10)))
    request = ParticlesRequest.build(folder=tmp_path / "s", compare=tmp_path / "s", resamples=100)
    printed = keys_of(summarize_particles(request).to_json())
    assert {key for key, _ in particles_keys()} == printed


def test_keys_of_a_check() -> None:
    top = {key.partition(".")[0] for key, _ in check_keys()}
    assert top == {*FolderCheck.__dataclass_fields__, "ok"}


def test_every_key_has_a_meaning() -> None:
    page = json_keys_page()
    assert "| `scores.instances.panoptic_quality` | F1 at 0.5 times the mean overlap. |" in page
    assert " |  |" not in page
