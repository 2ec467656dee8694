"""What to train next: asked and told by the driver of a study, and nobody else."""

from dataclasses import dataclass

from tem_rf.receptive_field import Architecture
from tem_rf.runs.folder import RunFolder
from tem_rf.study.folder import StudyFolder


@dataclass(frozen=True)
class Trial:
    """One network to be trained on one dataset under one recipe.

    Attributes:
        identifier: Unique in the study: `PART/NUMBER`.
        part: Name of the dataset and recipe.
        architecture: The network.
        epochs: Epochs each run is to have; a run may have more, from a later trial of the same network.
        runs: One run folder per seed, created or extended when the trial was asked for.
    """

    identifier: str
    part: str
    architecture: Architecture
    epochs: int
    runs: tuple[RunFolder, ...]

    def unfinished(self) -> tuple[RunFolder, ...]:
        """Runs that are still to be trained: after a kill, some may have finished before."""
        raise NotImplementedError


class Search:
    """The oracles of all parts of a study.

    Args:
        folder: The study, claimed by this process.
        retry_failed: Hand out the trials that failed once more.
    """

    def __init__(self, folder: StudyFolder, *, retry_failed: bool = False) -> None:
        raise NotImplementedError

    def ask(self) -> Trial | None:
        """The next trial; None: nothing now, since the search waits for results or is finished."""
        raise NotImplementedError

    def tell(self, trial: Trial, failure: str = "") -> float | None:
        """Take in what the runs of a trial came to.

        Args:
            trial: A trial whose runs have all ended.
            failure: Why it failed, where its runs do not say so.

        Returns:
            The objective; None: the trial failed, since a run of it did not reach its epochs.
        """
        raise NotImplementedError

    @property
    def is_finished(self) -> bool:
        """Whether every trial was handed out and told."""
        raise NotImplementedError
