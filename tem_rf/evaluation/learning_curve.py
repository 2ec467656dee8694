"""How the dice rose with the number of labelled patches, from runs that were tested on the same micrographs."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from tem_rf.architecture import Architecture
from tem_rf.errors import TemRfError
from tem_rf.evaluation.trials import RunResult, read_run
from tem_rf.metrics.summary import mean_over_images
from tem_rf.runs.dataset import open_training_data
from tem_rf.runs.folder import RunFolder


@dataclass(frozen=True)
class Trained:
    """One finished and scored run.

    Attributes:
        run: Its name.
        patches: Number of its training patches.
        hard_dice: Mean over its test images.
    """

    run: str
    patches: int
    hard_dice: float


def learning_curve(runs: Iterable[RunFolder], architecture: Architecture) -> tuple[Trained, ...]:
    """The runs of one network that were tested on the same micrographs as the last of them, by number of patches.

    Args:
        runs: Runs, of any network and dataset; those that cannot be read or whose dataset is missing are left out.
        architecture: The network.
    """
    found: list[tuple[float, frozenset[str], Trained]] = []
    for folder in runs:
        with suppress(TemRfError):
            result = read_run(folder)
            if result.scores and result.config.architecture == architecture and result.config.fold is None:
                found.append(_trained(result))
    if not found:
        return ()
    _, tested, _ = max(found, key=lambda one: one[0])
    return tuple(sorted((one for _, own, one in found if own == tested), key=lambda one: one.patches))


def _trained(result: RunResult) -> tuple[float, frozenset[str], Trained]:
    dataset = open_training_data(result.config)
    tested = {score.source for score in result.scores}
    contents = frozenset(one.sha256 for one in dataset.manifest.sources if one.name in tested)
    dice = mean_over_images(result.scores, "hard_dice")
    assert dice is not None
    patches = len(dataset.indices("train"))
    return max(event.time for event in result.epochs), contents, Trained(result.run.name, patches, dice)
