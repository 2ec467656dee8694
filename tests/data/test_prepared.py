import builtins
import errno
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tem_rf.config.preparation import preparation_settings
from tem_rf.data.preparation.growing_stack import GrowingStack
from tem_rf.data.preparation.prepare import prepare_dataset
from tem_rf.data.prepared import PreparedDataset, open_dataset
from tem_rf.errors import DatasetError
from tests.helpers.labelled_folder import write_folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    place = tmp_path_factory.mktemp("prepared")
    settings = preparation_settings(patch_size=32, background_threshold=20)
    return prepare_dataset(write_folder(place / "raw"), place / "set", settings=settings)


@pytest.fixture
def folder(whole: PreparedDataset, tmp_path: Path) -> Path:
    """A copy of a dataset folder, to damage."""
    copy = tmp_path / "set"
    copy.mkdir()
    for path in whole.folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def change_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_dataset_opens_as_it_was_written(whole: PreparedDataset, folder: Path) -> None:
    opened = open_dataset(folder)
    assert opened.manifest == whole.manifest
    assert opened.patches == whole.patches
    assert np.array_equal(opened.images, whole.images)
    assert np.array_equal(opened.labels, whole.labels)
    assert isinstance(opened.images, np.memmap)
    assert not opened.images.flags.writeable


def test_the_splits_are_disjoint_and_complete(whole: PreparedDataset) -> None:
    indices = np.concatenate([whole.indices(split) for split in ("train", "validation", "test")])
    assert sorted(indices) == list(range(len(whole.patches)))


def test_a_folder_without_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"is not a dataset \(dataset.json is missing\); create one with `tem-rf prepare`"
    ):
        open_dataset(tmp_path)


def test_another_schema_version_is_refused(folder: Path) -> None:
    change_manifest(folder, schema_version=99)
    with pytest.raises(DatasetError, match="schema version 99, expected 1; prepare the dataset again"):
        open_dataset(folder)


@pytest.mark.parametrize("change", [{"pixel_size_nm": 0}, {"pixel_size_nm": -1}, {"patch_size": 0}])
def test_a_manifest_of_sizes_that_cannot_be_is_refused(folder: Path, change: dict[str, Any]) -> None:
    content = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(content | change))
    with pytest.raises(DatasetError, match=f"dataset.json: {next(iter(change))}: input should be greater than"):
        open_dataset(folder)


def test_a_damaged_manifest_is_refused(folder: Path) -> None:
    (folder / "dataset.json").write_text('{"schema_version": 1,')
    with pytest.raises(DatasetError, match=r"dataset.json: is damaged"):
        open_dataset(folder)
    (folder / "dataset.json").write_text('{"schema_version": 1}')
    with pytest.raises(DatasetError, match=r"dataset.json: name: expected a value, received none"):
        open_dataset(folder)


@pytest.mark.parametrize("histogram", [[1] * 239, [1] * 241, [], [-1] * 240])
def test_a_histogram_of_other_bins_is_refused(folder: Path, histogram: Any) -> None:
    intensity = json.loads((folder / "dataset.json").read_text())["intensity"]
    intensity["particle"]["histogram"] = histogram
    change_manifest(folder, intensity=intensity)
    with pytest.raises(DatasetError, match=r"dataset.json: intensity.particle.histogram.*Prepare the dataset again"):
        open_dataset(folder)


@pytest.mark.parametrize("name", ["dataset.json", "patches.csv", "images.tif"])
def test_a_file_that_may_not_be_read_is_named(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = io.open

    def refuse(file: Path, *arguments: Any, **options: Any) -> Any:
        if Path(file).name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return real_open(file, *arguments, **options)

    monkeypatch.setattr(io, "open", refuse)
    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(
        DatasetError, match=rf"{name}: (may not|cannot) be read \(Permission denied\); change its permissions"
    ):
        open_dataset(folder)


@pytest.mark.parametrize("name", ["images.tif", "labels.tif", "patches.csv"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DatasetError, match=f"{name}: is missing; prepare the dataset again"):
        open_dataset(folder)


@pytest.mark.parametrize("name", ["images.tif", "labels.tif"])
@pytest.mark.parametrize("size", [0, 200, 2000])
def test_a_truncated_stack_is_refused(folder: Path, name: str, size: int) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DatasetError, match=rf"{name}: (cannot be read|expected \(\d+, 32, 32\))"):
        open_dataset(folder)


@pytest.mark.parametrize("name", ["images.tif", "labels.tif"])
def test_damaged_stacks_are_read_or_refused(folder: Path, name: str) -> None:
    path = folder / name
    content = path.read_bytes()
    random = np.random.default_rng(2022)
    for _ in range(400):
        damaged = bytearray(content)
        for position in random.integers(600, size=random.integers(1, 3)):
            damaged[position] = random.integers(256)
        path.write_bytes(damaged)
        refusal = ""
        try:
            open_dataset(folder)
        except DatasetError as error:
            refusal = str(error)
        assert not refusal or (refusal.startswith(f"{path}: ") and "\n" not in refusal)


def test_stacks_and_rows_that_do_not_match_are_refused(folder: Path) -> None:
    rows = (folder / "patches.csv").read_text().splitlines()
    (folder / "patches.csv").write_text("\n".join(rows[:-1]))
    with pytest.raises(DatasetError, match=r"images.tif: expected \(\d+, 32, 32\) float32, found"):
        open_dataset(folder)


@pytest.mark.parametrize("damage", [("train", "training"), ("source,", "origin,"), (",0,", ",x,")])
def test_a_damaged_table_is_refused(folder: Path, damage: tuple[str, str]) -> None:
    path = folder / "patches.csv"
    path.write_text(path.read_text().replace(*damage))
    with pytest.raises(DatasetError, match=r"patches.csv: is damaged"):
        open_dataset(folder)


def test_a_missing_split_says_the_way_out(folder: Path) -> None:
    path = folder / "patches.csv"
    path.write_text(path.read_text().replace("test", "train"))
    with pytest.raises(DatasetError, match="has no test patches, only train, validation; prepare it again"):
        open_dataset(folder).indices("test")


def test_a_stack_of_one_image_is_read_as_a_stack(tmp_path: Path) -> None:
    with GrowingStack(tmp_path / "one.tif") as stack:
        stack.append(np.ones((8, 8), np.float32), 0.02)
    assert tifffile.memmap(tmp_path / "one.tif", mode="r").shape == (8, 8)


@pytest.mark.slow
def test_a_stack_beyond_4_gb_is_read_whole(tmp_path: Path) -> None:
    image = np.zeros((4096, 4096), np.float32)
    with GrowingStack(tmp_path / "large.tif") as stack:
        for index in range(66):
            image[0, 0] = index
            stack.append(image, 0.02)
    written = tifffile.memmap(tmp_path / "large.tif", mode="r")
    assert written.shape == (66, 4096, 4096)
    assert written[:, 0, 0].tolist() == list(range(66))
