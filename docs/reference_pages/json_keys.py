"""The page of the keys that `--json` prints, from the docstrings of the classes that the values come from."""

import inspect
import re
from collections.abc import Iterable

from docs.reference_pages.markdown import code, section, table

Rows = list[tuple[str, str]]


def json_keys_page() -> str:
    """Return the page: commands whose results scripts read most, with their keys."""
    return "\n\n".join(
        [
            "# Keys of `--json`",
            "Generated from the code that prints them. Lengths end in `_px` or `_nm`; a value that is not known is "
            "`null`. A dot separates a key from those within it.",
            section(2, "tem-rf segment"),
            "A list with an entry per file.",
            table(("key", "meaning"), [(code(key), meaning) for key, meaning in segment_keys()]),
            section(2, "tem-rf evaluate"),
            "A list with an entry per row of the table. Scores are `{mean, sd, seeds}`.",
            table(("key", "meaning"), [(code(key), meaning) for key, meaning in evaluate_keys()]),
            section(2, "tem-rf particles"),
            "`experiments` has an entry for the folder and, with `--compare`, one for the other.",
            table(("key", "meaning"), [(code(key), meaning) for key, meaning in particles_keys()]),
            section(2, "tem-rf data check"),
            table(("key", "meaning"), [(code(key), meaning) for key, meaning in check_keys()]),
            "",
        ]
    )


def segment_keys() -> Rows:
    """Keys of `tem-rf segment` and their meanings."""
    from tem_rf.inference.results import SegmentedFile
    from tem_rf.inference.tracks import TrackedFile
    from tem_rf.particles.formats.choice import FORMATS
    from tem_rf.particles.instance_scores import InstanceScores
    from tem_rf.particles.scores import ParticleScores
    from tem_rf.particles.sizes import SizeSummary

    own = dict(attributes(SegmentedFile))
    sizes = [(f"sizes.{name}", meaning) for name, meaning in attributes(SizeSummary)]
    sizes += [(name.replace("_px", "_nm"), "The same in nm.") for name, _ in sizes if name.endswith("_px")]
    scores = [(f"scores.{name}", meaning) for name, meaning in attributes(ParticleScores) if name != "instances"]
    instances = [("iou", "The thresholds.")]
    instances += [row for row in attributes(InstanceScores) if row[0] != "overlap"]
    instances += [(name, "At each threshold.") for name in ("precision", "recall", "f1")]
    instances += [("mean_f1", "Mean over the thresholds."), ("panoptic_quality", "F1 at 0.5 times the mean overlap.")]
    tracked = dict(attributes(TrackedFile))
    return [
        ("image", own["image"]),
        *((kind, "Path of that file, if it was written.") for kind in _file_kinds(SegmentedFile)),
        *((name, f"With `--write {name}`: {one.content}.") for name, one in FORMATS.items()),
        *((kind, "Path of that file, with `--track`.") for kind in _file_kinds(TrackedFile)),
        *(
            (name, own[name])
            for name in (
                "frames",
                "particle_fraction",
                "pixel_size_nm",
                "min_diameter_px",
                "left_out",
                "low_confidence",
            )
        ),
        *sizes,
        *scores,
        ("scores.hard_dice", own["hard_dice"]),
        *((f"scores.instances.{name}", meaning) for name, meaning in instances),
        ("trajectories.count", tracked["tracks"]),
        *((f"trajectories.{name}", tracked[name]) for name in ("starts", "ends", "frame_interval_s")),
        ("trajectories.…", f"Also: {tracked['motion']}"),
        (
            "trust.is_trusted",
            "Whether the masks of all frames can be trusted; `trust` is null without a record of that.",
        ),
        ("trust.expected_dice", "Dice to expect, without labels; mean over the frames."),
        ("trust.interval", "Interval [low, high] of the expected dice, of the frame with the lowest."),
        ("trust.reason", "Why a mask cannot be trusted."),
        ("trust.advice", "What to do, in a sentence."),
        ("trust.flagged_frames", "Numbers of the frames whose masks cannot be trusted, from 1."),
        ("trust.frames.is_trusted", "The same of each frame."),
        ("trust.frames.expected_dice", "Dice to expect."),
        ("trust.frames.interval", "Its interval: it contains the dice of 90 % of the images."),
        ("trust.frames.reason", "Why its mask cannot be trusted."),
        ("trust.frames.dose_factor", "Dose in units of the usual one of the model, as the noise shows it."),
        ("lattices", own["lattices"]),
        ("notes", own["notes"]),
    ]


def evaluate_keys() -> Rows:
    """Keys of `tem-rf evaluate` and their meanings."""
    from tem_rf.cli.evaluate import _COLUMNS
    from tem_rf.evaluation.columns import COLUMNS
    from tem_rf.metrics.scores import ImageScores

    scores = dict(attributes(ImageScores))
    rows = [(key, scores.get(key) or COLUMNS[key].title) for key in _COLUMNS]
    return [*rows, ("note", "Why a method has no scores, and its settings."), ("recipe", "Recipe of the training.")]


def particles_keys() -> Rows:
    """Keys of `tem-rf particles` and their meanings."""
    from tem_rf.experiment.comparison import Comparison
    from tem_rf.experiment.distribution import Fit, Mode, SizeStatistics

    within = "experiments."
    return [
        ("report", "Path of the report."),
        (f"{within}folder", "The folder."),
        (f"{within}unit", "Unit of all lengths: nm, or px without a pixel size."),
        (f"{within}images", "Number of images."),
        (f"{within}particles", "Number of all particles, cut ones included."),
        *((f"{within}statistics.{name}", meaning) for name, meaning in attributes(SizeStatistics)),
        (f"{within}intervals", "95 % interval [low, high] by the name of the statistic."),
        *((f"{within}fits.{name}", meaning) for name, meaning in attributes(Fit) if name != "modes"),
        *((f"{within}fits.modes.{name}", meaning) for name, meaning in attributes(Mode)),
        (f"{within}notes", "Notes for the user."),
        *((f"comparison.{name}", meaning) for name, meaning in attributes(Comparison)),
        ("comparison.verdict", "What the comparison says, in a sentence."),
    ]


def check_keys() -> Rows:
    """Keys of `tem-rf data check` and their meanings."""
    from tem_rf.data.check import CheckedPair

    return [
        *((f"pairs.{name}", meaning) for name, meaning in attributes(CheckedPair)),
        ("problems.path", "A file that cannot be used."),
        ("problems.reason", "Why."),
        ("notes", "Notes on the set as a whole."),
        ("lacks", "What the set lacks for training."),
        ("ok", "Whether there are no problems."),
    ]


def attributes(documented: type) -> Iterable[tuple[str, str]]:
    """Attributes in the docstring of a class, each with its meaning."""
    text = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^ {4}(\w+): (.+?)(?=\n {4}\w|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    return [(name, " ".join(meaning.split())) for name, meaning in found]


def _file_kinds(documented: type) -> list[str]:
    """The kinds of files that the attribute `files` lists."""
    text = dict(attributes(documented))["files"].partition(": ")[2].rstrip(".")
    return [kind.partition(" (")[0].strip() for kind in text.split(",")]
