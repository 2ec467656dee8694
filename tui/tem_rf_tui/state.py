"""The state that the app saves between sessions."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tem_rf.files import write_json

_KEPT_FOLDERS = 20


class RememberedState(BaseModel):
    """Content of the state file; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    screen: str = Field("data", description="The last open screen.")
    datasets: dict[str, str] = Field({}, description="Last dataset used, by working folder.")
    networks: str = Field("n2-p44", description="Networks of the last training, separated by commas.")

    def with_dataset(self, folder: Path, dataset: Path) -> dict[str, str]:
        """Return the datasets with the one of a folder replaced; only the most recent folders are kept."""
        others = {other: chosen for other, chosen in self.datasets.items() if other != str(folder)}
        return dict([*others.items(), (str(folder), str(dataset))][-_KEPT_FOLDERS:])


def load_state(path: Path) -> RememberedState:
    """Read the state file; use the defaults if it is missing or damaged, since nothing of value is lost."""
    try:
        return RememberedState.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return RememberedState()


def save_state(path: Path, state: RememberedState) -> None:
    """Write the state file.

    Raises:
        StorageError: The file cannot be written.
    """
    write_json(path, state.model_dump())
