"""What the app remembers from one session to the next."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tem_rf.files import write_json

_KEPT_FOLDERS = 20


class RememberedState(BaseModel):
    """Content of the state file; a field this version does not know is left out."""

    model_config = ConfigDict(extra="ignore")

    theme: str = Field("textual-dark", description="Name of the theme.")
    screen: str = Field("data", description="The screen that was open.")
    datasets: dict[str, str] = Field({}, description="Dataset that was chosen last, by the folder that was worked in.")
    networks: str = Field("n2-p44", description="Networks of the last training, with commas between.")

    def with_dataset(self, folder: Path, dataset: Path) -> dict[str, str]:
        """The datasets, with one chosen in a folder; those of the folders chosen in last are kept."""
        others = {other: chosen for other, chosen in self.datasets.items() if other != str(folder)}
        return dict([*others.items(), (str(folder), str(dataset))][-_KEPT_FOLDERS:])


def load_state(path: Path) -> RememberedState:
    """Read the state file; what is absent or damaged starts from the defaults, since nothing of value is lost."""
    try:
        return RememberedState.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, ValidationError):
        return RememberedState()


def save_state(path: Path, state: RememberedState) -> None:
    """Write the state file.

    Raises:
        StorageError: The place cannot be written to.
    """
    write_json(path, state.model_dump())
