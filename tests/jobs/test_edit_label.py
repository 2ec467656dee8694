"""A label is opened from what there is, or refused with the reason."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from tem_rf.data.tiff import write_tiff
from tem_rf.errors import DatasetError, ReadError, SettingsError, TemRfError
from tem_rf.jobs.edit_label import EditRequest, edit_request, open_label
from tests.helpers.run_folders import write_run

SIDE = 64


@pytest.fixture
def micrograph(tmp_path: Path) -> Path:
    write_tiff(
        tmp_path / "au.tif", np.random.default_rng(0).integers(90, 110, (SIDE, SIDE), np.uint16), pixel_size_nm=0.1
    )
    return tmp_path / "au.tif"


def _discs(side: int = SIDE) -> np.ndarray:
    """(side, side) float32, 1 on two discs."""
    rows, columns = (np.indices((side, side)) + 0.5) * SIDE / side
    return np.max([np.hypot(rows - y, columns - 20) < 10 for y in (18, 46)], axis=0).astype(np.float32)


def test_a_probability_alone_is_cut_at_one_half(micrograph: Path, tmp_path: Path) -> None:
    write_tiff(tmp_path / "p.tif", 0.8 * _discs(), pixel_size_nm=0.1)
    session = open_label(EditRequest.build(micrograph=micrograph, probability=tmp_path / "p.tif"))
    assert len(session.canvas.boxes) == 2
    assert session.facts(1).confidence == pytest.approx(0.8)
    assert session.label_file == tmp_path / "au_labels.tif"
    session.close()


def test_results_at_another_pixel_size_are_rescaled(micrograph: Path, tmp_path: Path) -> None:
    half = _discs(SIDE // 2)
    write_tiff(tmp_path / "au_mask.tif", half > 0, pixel_size_nm=0.2)
    write_tiff(tmp_path / "p.tif", half, pixel_size_nm=0.2)
    given: dict[str, Any] = {"mask": tmp_path / "au_mask.tif", "probability": tmp_path / "p.tif"}
    session = open_label(EditRequest.build(micrograph=micrograph, **given))
    assert np.count_nonzero((session.canvas.numbers > 0) != (_discs() > 0)) < 60
    session.close()


def _halves() -> np.ndarray:
    """(side, side) uint16, the two discs, each in two parts that touch."""
    rows, columns = np.indices((SIDE, SIDE))
    return np.where(_discs() > 0, 1 + 2 * (rows > 32) + (columns >= 20), 0).astype(np.uint16)


@pytest.mark.parametrize("scale", [1, 2])
def test_particles_of_a_result_keep_their_borders(micrograph: Path, tmp_path: Path, scale: int) -> None:
    numbers = np.kron(_halves(), np.ones((scale, scale), np.uint16))
    write_tiff(tmp_path / "au_instances.tif", numbers, pixel_size_nm=0.1 / scale)
    write_tiff(tmp_path / "p.tif", (numbers > 0).astype(np.float32), pixel_size_nm=0.1 / scale)
    given: dict[str, Any] = {"mask": tmp_path / "au_instances.tif", "probability": tmp_path / "p.tif"}
    session = open_label(EditRequest.build(micrograph=micrograph, **given))
    np.testing.assert_array_equal(session.canvas.numbers, _halves())
    session.close()


def test_splitting_a_label_keeps_the_borders_that_it_has(micrograph: Path, tmp_path: Path) -> None:
    write_tiff(tmp_path / "numbered.tif", _halves())
    request = EditRequest.build(micrograph=micrograph, mask=tmp_path / "numbered.tif", split_touching=True)
    session = open_label(request)
    borders = [np.unique(_halves()[session.canvas.numbers == number]) for number in session.canvas.boxes]
    assert all(len(values) == 1 for values in borders)
    assert session.canvas.boxes
    session.close()


@pytest.mark.parametrize("network", ["n2-p22-distance", "n2-p22"])
def test_particles_of_a_model_are_split_if_it_gives_the_distance(
    micrograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    run = write_run(tmp_path / "runs", network)
    commands = []

    def segment(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        write_tiff(tmp_path / "au_instances.tif", _halves(), pixel_size_nm=0.1)
        write_tiff(tmp_path / "p.tif", _discs(), pixel_size_nm=0.1)
        files = {"instances": str(tmp_path / "au_instances.tif"), "probability": str(tmp_path / "p.tif")}
        return subprocess.CompletedProcess(command, 0, json.dumps([files]), "")

    monkeypatch.setattr(subprocess, "run", segment)
    session = open_label(EditRequest.build(micrograph=micrograph, model=(run.name,), runs=tmp_path / "runs"))
    assert ("--split-touching" in commands[0]) == ("distance" in network)
    np.testing.assert_array_equal(session.canvas.numbers, _halves())
    session.close()


def test_without_a_label_it_starts_from_nothing(micrograph: Path) -> None:
    session = open_label(EditRequest.build(micrograph=micrograph))
    assert not session.canvas.boxes
    session.close()


@pytest.mark.parametrize(
    ("written", "given", "error", "message"),
    [
        ({"half.tif": _discs(SIDE // 2) > 0}, {"labels": "half.tif"}, DatasetError, "resized to 50 %"),
        ({"half.tif": _discs(SIDE // 2) > 0}, {"mask": "half.tif"}, DatasetError, "resized to 50 %"),
        ({"p.tif": _discs(SIDE // 2)}, {"probability": "p.tif"}, DatasetError, "the probability is 32 x 32 px"),
        ({"p.tif": 200 * _discs()}, {"probability": "p.tif"}, DatasetError, "from 0 to 200 .* expected a probability"),
        ({}, {"labels": "a.png"}, SettingsError, "`labels`: .* is not a TIFF file"),
        ({}, {"labels": "au.tif"}, SettingsError, "is the micrograph itself"),
        ({}, {"mask": "missing.tif"}, ReadError, "no such file"),
        ({}, {"model": ("gold",), "mask": "m.tif"}, SettingsError, "`model`: makes its own mask"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    micrograph: Path, written: dict[str, np.ndarray], given: dict[str, Any], error: type[TemRfError], message: str
) -> None:
    for name, pixels in written.items():
        write_tiff(micrograph.with_name(name), pixels)
    before = sorted(micrograph.parent.iterdir())
    paths = {key: micrograph.with_name(value) if isinstance(value, str) else value for key, value in given.items()}
    with pytest.raises(error, match=message):
        open_label(EditRequest.build(micrograph=micrograph, **paths))
    assert sorted(micrograph.parent.iterdir()) == before


def test_a_stack_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "movie.tif", np.zeros((5, 32, 32), np.uint16))
    with pytest.raises(ReadError, match="holds 5 frames, expected one image"):
        open_label(EditRequest.build(micrograph=tmp_path / "movie.tif"))


def test_a_tiff_label_is_corrected_in_place_and_another_beside_it() -> None:
    image = Path("set/images/au.dm4")
    assert edit_request(image, Path("set/labels/au_mask.tif")).labels == Path("set/labels/au_mask.tif")
    request = edit_request(image, Path("set/labels/au_RoiSet.zip"))
    assert (request.mask, request.labels) == (Path("set/labels/au_RoiSet.zip"), Path("set/labels/au_labels.tif"))
