"""The folder of a simulation: the only place that names its files.

simulation.json          settings, seed and versions; what makes it repeatable
micrographs.csv          film, lens and illumination of each micrograph
images/NAME.tif          counts
labels/NAME.tif          mask
instances/NAME.tif       number of the particle in each pixel, 0 for none
particles/NAME.csv       a row per particle: place, size, material, lattice, defect, orientation
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.conditions import draw_conditions
from tem_rf.data.simulation.micrograph import ParticleRecord, SimulatedMicrograph
from tem_rf.data.tiff import write_tiff
from tem_rf.errors import DatasetError
from tem_rf.files import parse_json, write_json, write_text
from tem_rf.version import __version__

SCHEMA_VERSION = 2  # 2: particles as they are (shapes, defects, contacts), instance labels
_RECORD = "simulation.json"
_CONDITIONS = "micrographs.csv"


@dataclass(frozen=True)
class SimulationFolder:
    """A folder of micrographs simulated with one set of settings."""

    path: Path
    settings: SimulationSettings
    seed: int

    @classmethod
    def create_or_open(cls, path: Path, settings: SimulationSettings, *, seed: int, count: int) -> "SimulationFolder":
        """Start a folder, or continue one of the same settings and seed.

        Raises:
            DatasetError: The folder holds something else.
            StorageError: It cannot be written to.
        """
        folder = cls(Path(path), settings, seed)
        record = folder.path / _RECORD
        if record.exists():
            folder._check(record)
        elif folder.path.is_file():
            raise DatasetError(f"{path}: is a file; give a folder to write the micrographs into.")
        elif folder.path.exists() and any(folder.path.iterdir()):
            raise DatasetError(
                f"{path}: holds files but no {_RECORD}, so it is no simulation that could be continued; "
                "choose a new folder."
            )
        write_json(record, folder._identity() | {"count": max(count, _count(record)), "versions": _versions()})
        return folder

    def micrograph_seed(self, index: int) -> int:
        """Seed of one micrograph: folders with neighbouring seeds share no micrograph."""
        return int(np.random.SeedSequence([self.seed, index]).generate_state(1)[0])

    def image(self, index: int) -> Path:
        """File of a micrograph; it is written last, so that where it exists all its files do."""
        return self.path / "images" / f"{_name(index)}.tif"

    def write(self, index: int, micrograph: SimulatedMicrograph) -> None:
        """Write the files of one micrograph."""
        rows = [asdict(record) for record in micrograph.particles]
        write_text(
            self.path / "particles" / f"{_name(index)}.csv", _csv([f.name for f in fields(ParticleRecord)], rows)
        )
        pixel_size_nm = micrograph.pixel_size_nm
        write_tiff(self.path / "labels" / f"{_name(index)}.tif", micrograph.mask, pixel_size_nm=pixel_size_nm)
        write_tiff(self.path / "instances" / f"{_name(index)}.tif", micrograph.instances, pixel_size_nm=pixel_size_nm)
        write_tiff(self.image(index), micrograph.pixels, pixel_size_nm=pixel_size_nm)

    def remove_if_empty(self) -> None:
        """Remove a folder without a micrograph, so that corrected settings can be written into it."""
        if self.image(0).parent.exists():
            return
        for file in (self.path / _RECORD, self.path / _CONDITIONS):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # the folder holds something else
            self.path.rmdir()

    def write_conditions(self, count: int) -> None:
        """Write the table of all micrographs; it follows from the seed, so reused ones need not be read."""
        rows = []
        for index in range(max(count, _count(self.path / _RECORD))):
            seed = self.micrograph_seed(index)
            rows.append({"micrograph": _name(index), "seed": seed} | asdict(draw_conditions(self.settings, seed)))
        write_text(self.path / _CONDITIONS, _csv(list(rows[0]), rows))

    def _identity(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "seed": self.seed,
            "settings": json.loads(self.settings.model_dump_json()),
        }

    def _check(self, record: Path) -> None:
        try:
            found = parse_json(record.read_text(encoding="utf-8"))
            settings = found["settings"]
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{record}: is damaged ({error}); remove the folder or choose another.") from error
        wanted = self._identity()
        differing = [
            f"{name} is {found.get(name)!r}, not {wanted[name]!r}"
            for name in ("schema_version", "seed")
            if found.get(name) != wanted[name]
        ]
        # A setting that is newer than the folder had its default value when the folder was made.
        settings = json.loads(SimulationSettings().model_dump_json(exclude={"preset"})) | settings
        differing += [
            f"{name} is {settings.get(name)!r}, not {value!r}"
            for name, value in wanted["settings"].items()
            if settings.get(name) != value
        ]
        if differing:
            raise DatasetError(
                f"{self.path}: holds micrographs simulated with other settings ({'; '.join(differing[:3])}); "
                "choose a new folder or the same settings."
            )


def read_simulation_settings(path: Path) -> SimulationSettings | None:
    """The settings of a folder of simulated micrographs; None where it is no such folder."""
    try:
        return SimulationSettings(**json.loads((path / _RECORD).read_text(encoding="utf-8"))["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _name(index: int) -> str:
    return f"simulated_{index:04d}"


def _count(record: Path) -> int:
    """Micrographs the folder was last asked for; 0 for a new one."""
    return int(json.loads(record.read_text(encoding="utf-8")).get("count", 0)) if record.exists() else 0


def _versions() -> dict[str, str]:
    import scipy

    return {"tem_rf": __version__, "numpy": np.__version__, "scipy": scipy.__version__}


def _csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
