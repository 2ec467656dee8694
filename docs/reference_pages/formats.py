"""The page of formats: the contents of the folders of datasets, runs, studies, models and results."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

from docs.reference_pages.markdown import code, prose, section, table
from docs.reference_pages.models import model_section


def formats_page() -> str:
    """Return the page: folders and files, from the classes that read and write them."""
    from tem_rf.data import manifest
    from tem_rf.data.formats.dispatch import MICROGRAPH_SUFFIXES
    from tem_rf.data.intensity import ClassIntensity, Intensity
    from tem_rf.data.label_formats.imagej_rois import ROI_SUFFIXES
    from tem_rf.data.label_formats.json_labels import JSON_SUFFIXES
    from tem_rf.data.pairing import LABEL_FOLDERS
    from tem_rf.data.prepared import Patch, PreparedDataset
    from tem_rf.exporting.formats import FORMATS
    from tem_rf.inference import card
    from tem_rf.inference.results import SegmentedFile
    from tem_rf.jobs.queue import QueueContent, QueuedRun, TrainingQueue
    from tem_rf.particles.formats.choice import FORMATS as PARTICLE_FORMATS
    from tem_rf.particles.measure import Particle
    from tem_rf.runs.config import RunConfig
    from tem_rf.runs.folder import RunFolder
    from tem_rf.study.folder import StudyFolder

    written = [(code(one.name), code(f"NAME{one.ending}"), one.content) for one in PARTICLE_FORMATS.values()]
    exported = [(code(one.name), code(one.file), one.takes, one.gives) for one in FORMATS.values()]
    return "\n\n".join(
        [
            "# Files and folders",
            "Generated from the classes that read and write them. All text is UTF-8, all lengths have a unit, and "
            "files are never left half-written.",
            section(2, "Micrographs and labels"),
            f"Micrographs have the extension {_codes(MICROGRAPH_SUFFIXES)}; the first bytes determine the format.",
            "If a file contains several arrays, such as HDF5 or NPZ, select one with `--array`; if it has several "
            "channels, select one with `--channel`. Labels are masks in any of these formats (nonzero values are "
            "particle, unless you set `--particle` or `--background`), ImageJ regions "
            f"({_codes(ROI_SUFFIXES)}), COCO, LabelMe or QuPath GeoJSON ({_codes(JSON_SUFFIXES)}). They have the names "
            "of their micrographs. They are stored in the same folder with the suffix `_label` or `_mask`, or in a "
            f"folder {_codes(f'{name}/' for name in LABEL_FOLDERS)} next to `images/`.",
            section(2, "Dataset folder"),
            "`tem-rf prepare` writes `dataset.json`, `images.tif`, `labels.tif`, `patches.csv` and, if labels number "
            "their particles, `instances.tif`. Fiji opens the "
            "stacks with their pixel size; in Python, use `tem_rf.data.prepared.open_dataset`:",
            _attributes(PreparedDataset, ("images", "labels", "instances")),
            section(3, "patches.csv"),
            _attributes(Patch),
            model_section(manifest.Manifest, "dataset.json", 3),
            model_section(manifest.Source, "A source, in `sources`", 4),
            model_section(manifest.NearDuplicate, "A pair, in `near_duplicates`", 4),
            model_section(Intensity, "`intensity`", 4),
            model_section(ClassIntensity, "A class, in `intensity`", 4),
            section(2, "Run folder"),
            _files(RunFolder),
            model_section(RunConfig, "config.json", 3),
            section(2, "Queue of a folder of runs"),
            "`tem-rf train --detach` stores the running and waiting runs in `RUNS/.queue`.",
            _files(TrainingQueue),
            model_section(QueueContent, "queue.json", 3),
            model_section(QueuedRun, "A run, in `training` and `waiting`", 4),
            section(2, "Study folder"),
            _files(StudyFolder),
            "The fields of `study.toml` are [settings](settings.md#a-study).",
            section(2, "Exported model"),
            "`tem-rf export` replaces the whole folder, so all formats in it contain the same network.",
            table(("format", "file", "input", "output"), exported),
            model_section(card.ModelCard, "model.json", 3),
            model_section(card.FieldOfView, "`receptive_field`", 4),
            model_section(card.TestScores, "`test`", 4),
            model_section(card.ImportedFile, "`imported_from`", 4),
            model_section(card.ModelFile, "A format, in `files`", 4),
            section(2, "Results of a segmentation"),
            "`tem-rf segment` names files after the micrograph: `NAME_mask.tif`, `NAME_instances.tif`, "
            "`NAME_overlay.png`, `NAME_particles.csv`, `NAME_sizes.png`, and further files if options ask for them.",
            table(("`--write`", "file", "content"), written),
            _attributes(SegmentedFile, ("files",)),
            "With `--lattice`, also `NAME_fringes.csv`, `NAME_orientation.tif` and `NAME_lattice.png`, and "
            "[more columns](../how-to/lattice.md) in `NAME_particles.csv`.",
            section(3, "NAME_particles.csv"),
            "One row per particle and frame. If the pixel size is known, also lengths in nm and areas in nm².",
            _attributes(Particle),
            "",
        ]
    )


def _codes(words: Iterable[str]) -> str:
    return ", ".join(map(code, words))


def _files(folder: type) -> str:
    """Describe the files that a folder class has properties for; each docstring begins with the file name."""
    documented = [
        re.match(r"(`[^`]+`): (.+)", " ".join((member.__doc__ or "").split()))
        for owner in reversed(folder.__mro__)
        for member in vars(owner).values()
        if isinstance(member, property)
    ]
    rows = [(match[1], match[2]) for match in documented if match]
    return f"{prose(folder.__doc__ or '')}\n\n{table(('file', 'content'), rows)}"


def _attributes(documented: Any, names: tuple[str, ...] = ()) -> str:
    """Return a table of the attributes in the docstring of a class, or of some of them."""
    text = (inspect.getdoc(documented) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^ {4}(\w+): (.+?)(?=\n {4}\w|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    return table(("name", "meaning"), [(code(name), meaning) for name, meaning in found if not names or name in names])
