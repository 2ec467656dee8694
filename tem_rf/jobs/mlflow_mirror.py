"""Mirror runs and studies to MLflow. Only the files of the runs are read, so a training is never affected.

What is already there is not sent again: a mirror that was killed continues, and may be repeated at any time.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tem_rf.errors import ModelError, StorageError
from tem_rf.runs.config import RunConfig
from tem_rf.runs.events import EpochEvent
from tem_rf.runs.folder import RunFolder
from tem_rf.runs.view import LIVE_STATES, RunFollower, RunView
from tem_rf.study.folder import StudyFolder

DEFAULT_FOLDER = Path("mlruns")
EXPERIMENT = "tem-rf"
METRICS = (
    *("loss", "soft_dice", "hard_dice", "validation_loss", "validation_soft_dice", "validation_hard_dice"),
    *("learning_rate", "patches_per_s", "duration_s", "input_wait", "memory_mb"),
)
STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "FAILED", "stopped": "KILLED", "unreadable": "FAILED"}
_FOLDER_TAG, _STATE_TAG = "tem_rf.folder", "tem_rf.state"


class MlflowMirror:
    """Sends runs to an MLflow server, database or folder.

    Args:
        to: Tracking URI or folder; it is created if it does not exist.

    Raises:
        ModelError: MLflow is not installed.
        StorageError: The server cannot be reached, or the folder is not writable.
    """

    def __init__(self, to: str) -> None:
        # MLflow asks for this where runs are kept in a folder, which needs neither a server nor a database.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")  # s, in place of two minutes
        try:
            import mlflow
        except ImportError as error:
            raise ModelError("MLflow is not installed: pip install 'tem-rf[mlflow]' into an environment.") from error
        self._to = to
        uri = to if "://" in to or to == "databricks" else Path(to).resolve().as_uri()
        with self._problems():
            self._client = mlflow.MlflowClient(tracking_uri=uri)
        self._mlflow = mlflow.entities
        self._experiments: dict[str, str] = {}
        self._runs: dict[Path, _Mirrored] = {}

    def send(self, view: RunView, experiment: str = EXPERIMENT) -> int:
        """Send what is new in a run: its settings, epochs and state.

        Args:
            view: The run as it is now.
            experiment: Experiment to send it to.

        Returns:
            Number of epochs sent.

        Raises:
            StorageError: The server cannot be reached, or the folder is not writable.
        """
        with self._problems():
            run = self._runs.get(view.run.path) or self._find_or_create(view, experiment)
            self._runs[view.run.path] = run
            new = [event for event in view.epochs if event.epoch > run.epochs]
            if new:
                self._client.log_batch(run.id, metrics=[metric for event in new for metric in self._metrics(event)])
                run.epochs = new[-1].epoch
            if view.state != run.state:
                self._client.set_tag(run.id, _STATE_TAG, view.state)
                if view.state in STATUS:
                    self._client.set_terminated(run.id, STATUS[view.state], _milliseconds(_last_time(view)))
                elif run.state in STATUS:  # resumed
                    self._client.update_run(run.id, "RUNNING")
                run.state = view.state
        return len(new)

    def _find_or_create(self, view: RunView, name: str) -> "_Mirrored":
        experiment = self._experiment(name)
        folder = str(view.run.path.resolve())
        quoted = folder.replace("\\", "\\\\").replace("'", "\\'")
        for found in self._client.search_runs([experiment], f"tags.`{_FOLDER_TAG}` = '{quoted}'"):
            self._send_settings(found.info.run_id, view, set(found.data.params))
            steps = [metric.step for metric in self._client.get_metric_history(found.info.run_id, METRICS[-1])]
            return _Mirrored(found.info.run_id, max(steps, default=0), found.data.tags.get(_STATE_TAG, ""))
        created = self._client.create_run(
            experiment, start_time=_milliseconds(view.happenings[0].time if view.happenings else None),
            tags={_FOLDER_TAG: folder}, run_name=view.run.name,
        )  # fmt: skip
        self._send_settings(created.info.run_id, view, set())
        return _Mirrored(created.info.run_id, 0, "")

    def _send_settings(self, run_id: str, view: RunView, sent: set[str]) -> None:
        """Send the settings that are not there yet; a full disk or a kill may have kept them from it."""
        known = settings(view.config) if view.config else {}
        params = [self._mlflow.Param(name, str(value)) for name, value in known.items() if name not in sent]
        if params:
            self._client.log_batch(run_id, params=params)

    def _experiment(self, name: str) -> str:
        if name not in self._experiments:
            found = self._client.get_experiment_by_name(name)
            self._experiments[name] = found.experiment_id if found else self._client.create_experiment(name)
        return self._experiments[name]

    def _metrics(self, event: EpochEvent) -> list[Any]:
        time = _milliseconds(event.time)
        return [self._mlflow.Metric(name, getattr(event, name), time, event.epoch) for name in METRICS]

    def _problems(self) -> "_Problems":
        return _Problems(self._to)


@dataclass
class _Mirrored:
    """A run in MLflow: how many epochs and which state were sent."""

    id: str
    epochs: int
    state: str


@dataclass(frozen=True)
class _Problems:
    """Turns what MLflow and its connections raise into one line."""

    to: str

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception):
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise StorageError(
                f"{self.to}: MLflow cannot write there: {reason}; check the address or folder."
            ) from error


def settings(config: RunConfig) -> dict[str, Any]:
    """The settings of a run as MLflow's parameters."""
    architecture = config.architecture
    return {
        "network": architecture.name,
        "parameters": architecture.parameters,
        "receptive_field_px": architecture.receptive_field.equation_size_px,
        "dataset": config.dataset.name,
        "dataset_sha256": config.dataset_sha256,
        "pixel_size_nm": config.pixel_size_nm,
        "seed": config.seed,
        **config.training.model_dump(mode="json"),
    }


class Followed:
    """Runs and studies to mirror, read repeatedly.

    Args:
        runs: Runs.
        studies: Studies; each is an experiment of its own, `tem-rf/NAME`.
    """

    def __init__(self, runs: Sequence[RunFolder], studies: Sequence[StudyFolder] = ()) -> None:
        self._runs, self._studies = tuple(runs), tuple(studies)
        self._followers: dict[Path, RunFollower] = {}

    def poll(self) -> Iterator[tuple[RunView, str]]:
        """Yield each run as it is now, and its experiment."""
        runs = [(run, EXPERIMENT) for run in self._runs]
        runs += [(run, f"{EXPERIMENT}/{study.path.resolve().name}") for study in self._studies for run in study.runs()]
        for run, experiment in runs:
            follower = self._followers.setdefault(run.path, RunFollower(run))
            yield follower.poll(), experiment

    def is_live(self) -> bool:
        """Whether a run or a study has not ended yet."""
        from tem_rf.runs import process

        is_running = any(process.state(study) in LIVE_STATES for study in self._studies)
        return is_running or any(view.state in LIVE_STATES for view, _ in self.poll())


def _last_time(view: RunView) -> float | None:
    times = [*(event.time for event in view.epochs[-1:]), *(event.time for event in view.happenings[-1:])]
    return max(times, default=None)


def _milliseconds(time: float | None) -> int | None:
    return None if time is None else int(time * 1000)
