"""A session loses nothing: kills, full disks, other programs, two editors."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile

from tem_rf.data.instances import UNSURE, read_instances, write_instances
from tem_rf.data.label_formats.stated_numbers import number_in
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.names import journal_of
from tem_rf.data.pairing import pair_labels
from tem_rf.data.sources import read_labelled
from tem_rf.errors import DiskFullError, EditError, LabelChangedError, ReadError, SettingsError
from tem_rf.jobs.edit_label import EditRequest, open_label
from tem_rf.labelling.brush import mark_unsure_under, paint
from tem_rf.labelling.particles import accept, delete, mark_unsure
from tem_rf.labelling.session import EditingSession

SHAPE = (40, 50)
MICROGRAPH = Micrograph(np.zeros(SHAPE, np.uint8), 0.1)


@pytest.fixture
def label(tmp_path: Path) -> Path:
    numbers = np.zeros(SHAPE, np.int32)
    numbers[5:15, 5:15], numbers[20:30, 20:35] = 1, 2
    write_instances(tmp_path / "au_labels.tif", numbers)
    return tmp_path / "au_labels.tif"


def _open(label: Path, **options: Any) -> EditingSession:
    return EditingSession.open(MICROGRAPH, label, **options)


def _read(label: Path) -> np.ndarray:
    return read_instances(label, SHAPE)[0]


def test_a_killed_session_resumes_with_its_undo_history(label: Path) -> None:
    before = label.read_bytes()
    session = _open(label)
    session.do(delete(session.canvas, 1))
    session.do(mark_unsure(session.canvas, 2))
    session.do(paint(session.canvas, [(35, 5)], 3, None))
    session.undo()
    shown = session.canvas.numbers.copy()
    session._journal.close()  # as the system does for a killed process
    assert label.read_bytes() == before
    with journal_of(label).open("ab") as file:
        file.write(b'{"do": {"name": "cut by the ki')
    resumed = _open(label)
    np.testing.assert_array_equal(resumed.canvas.numbers, shown)
    assert (resumed.step_count, resumed.undone_count, resumed.is_saved) == (2, 1, False)
    resumed.redo()
    for _ in range(3):
        resumed.undo()
    resumed.close()
    np.testing.assert_array_equal(resumed.canvas.numbers, _read(label))
    with pytest.raises(EditError, match="no earlier steps"):
        resumed.undo()


def test_saved_labels_are_those_on_the_screen(label: Path) -> None:
    session = _open(label)
    session.do(mark_unsure(session.canvas, 1))
    assert not session.is_saved
    session.save()
    assert session.is_saved
    np.testing.assert_array_equal(_read(label), session.canvas.numbers)
    assert (_read(label) == UNSURE).any()
    session.undo()
    assert not session.is_saved
    session.redo()
    assert session.is_saved
    session.close()


def test_a_label_changed_by_another_program_is_not_overwritten(label: Path) -> None:
    session = _open(label)
    session.do(delete(session.canvas, 1))
    theirs = np.zeros(SHAPE, np.int32)
    theirs[1:4, 1:4], theirs[30:34, 1:9] = 1, 2
    write_instances(label, theirs)
    with pytest.raises(LabelChangedError, match=r"another program changed it .* not overwritten"):
        session.save()
    np.testing.assert_array_equal(_read(label), theirs)
    session.reload()
    np.testing.assert_array_equal(session.canvas.numbers, theirs)
    session.undo()
    assert 1 not in session.canvas.boxes  # our step is still there
    assert 2 in session.canvas.boxes
    session.save()
    assert set(np.unique(_read(label))) == {0, 2}
    session.close()


@pytest.mark.parametrize(("conflict", "particles"), [("file", {1}), ("steps", {2})])
def test_unsaved_steps_and_a_changed_file_are_a_question(label: Path, conflict: str, particles: set[int]) -> None:
    session = _open(label)
    session.do(delete(session.canvas, 1))
    session.close()
    theirs = np.zeros(SHAPE, np.int32)
    theirs[1:4, 1:4] = 1
    write_instances(label, theirs)
    with pytest.raises(LabelChangedError, match=r"give `conflict` \"file\""):
        _open(label)
    session = _open(label, conflict=conflict)
    assert set(session.canvas.boxes) == particles
    session.save()
    assert set(np.unique(_read(label))) - {0} == particles
    while session.step_count:
        session.undo()
    assert set(session.canvas.boxes) == {1, 2}
    session.close()


def test_a_round_trip_through_another_program_is_one_step(label: Path) -> None:
    session = _open(label)
    session.do(delete(session.canvas, 1))
    session.save()
    session.close()
    numbers = _read(label)
    numbers[0:4, 40:44] = 3
    write_instances(label, numbers)
    session = _open(label)
    assert session.is_saved
    assert session.step_count == 2
    assert set(session.canvas.boxes) == {2, 3}
    session.close()


def test_two_editors_of_one_label_are_refused(label: Path) -> None:
    session = _open(label)
    with pytest.raises(LabelChangedError, match="another tem-rf is editing"):
        _open(label)
    session.close()
    _open(label).close()


def test_a_full_disk_makes_no_step_and_harms_no_file(label: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = _open(label)
    session.do(delete(session.canvas, 1))
    before, journal, shown = label.read_bytes(), journal_of(label).read_bytes(), session.canvas.numbers.copy()
    write = os.write

    def fill(descriptor: int, data: Any) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:15])

    with monkeypatch.context() as patch:
        patch.setattr("tem_rf.labelling.journal.os.write", fill)
        with pytest.raises(DiskFullError, match="this step was not made, all earlier ones are kept"):
            session.do(delete(session.canvas, 2))
    np.testing.assert_array_equal(session.canvas.numbers, shown)
    assert journal_of(label).read_bytes() == journal

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tifffile.imwrite", full)
        with pytest.raises(DiskFullError, match="the label was not saved, and all steps are kept"):
            session.save()
    assert label.read_bytes() == before
    session.do(delete(session.canvas, 2))
    session.save()
    assert not _read(label).any()
    assert sorted(path.name for path in label.parent.iterdir()) == [f".{label.name}.steps", label.name]
    session.close()


def test_a_journal_of_another_micrograph_is_refused(label: Path) -> None:
    _open(label).close()
    with pytest.raises(ReadError, match=r"made on a micrograph of 50 x 40 px, but this one is 25 x 20 px"):
        EditingSession.open(Micrograph(np.zeros((20, 25), np.uint8)), label)


def test_a_damaged_journal_is_refused_and_kept(label: Path) -> None:
    session = _open(label)
    session.do(delete(session.canvas, 1))
    session.close()
    journal = journal_of(label)
    journal.write_bytes(journal.read_bytes().replace(b'"before": "', b'"before": "AAAA'))
    damaged = journal.read_bytes()
    with pytest.raises(ReadError, match="is damaged"):
        _open(label)
    assert journal.read_bytes() == damaged
    journal.rename(journal.with_suffix(".old"))
    _open(label).close()


def test_a_label_starts_from_the_mask_of_a_model(tmp_path: Path) -> None:
    numbers = np.zeros(SHAPE, np.int32)
    numbers[5:9, 5:9] = 1
    session = _open(tmp_path / "new.tif", start=lambda: (numbers, "segmented/a_mask.tif"))
    assert not session.is_saved
    session.do(accept(session.canvas, 1))
    session.close()
    session = _open(tmp_path / "new.tif", start=lambda: (numbers, "another model"))
    assert session.source == "segmented/a_mask.tif"
    assert session.canvas.accepted == {1}
    session.save()
    np.testing.assert_array_equal(_read(tmp_path / "new.tif"), numbers)
    session.close()


def test_a_corrected_label_is_prepared_in_place_of_what_was_corrected(tmp_path: Path) -> None:
    """From an outline file to a dataset: the pairs, the particles, and the pixels that are not sure."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "set"
    folder.mkdir()
    for name in ("a", "b", "c"):
        tifffile.imwrite(folder / f"{name}.tif", rng.integers(90, 110, (64, 64), np.uint16))
        mask = np.zeros((64, 64), np.uint8)
        mask[8:24, 8:24], mask[40:56, 40:56] = 255, 255
        tifffile.imwrite(folder / f"{name}_mask.tif", mask)
        png = folder / f"{name}_mask.tif"
        request = EditRequest.build(micrograph=folder / f"{name}.tif", mask=png)
        session = open_label(request)
        session.do(mark_unsure(session.canvas, 2))
        session.save()
        session.close()
    pairing = pair_labels(folder)
    assert not pairing.problems
    assert [pair.label.name for pair in pairing.pairs] == ["a_labels.tif", "b_labels.tif", "c_labels.tif"]
    labelled = next(read_labelled(pairing.pairs[0], 0.1))
    assert labelled.mask.sum() == labelled.unsure.sum() == 256
    journal_of(pairing.pairs[0].label).unlink()
    assert "several labels" in str(pair_labels(folder).problems[0])


def _edit_in_fiji(path: Path) -> None:
    """Delete the region of one particle and move that of another, as in the ROI Manager."""
    rois = roifile.roiread(path)
    assert len(rois) == 3
    kept = [roi for roi in rois if number_in(roi.name) != 1]
    kept[0].left, kept[0].right = kept[0].left + 5, kept[0].right + 5
    path.unlink()
    roifile.roiwrite(path, kept)


def _edit_in_qupath(path: Path) -> None:
    """The same with the objects of QuPath."""
    content = json.loads(path.read_text())
    assert len(content["features"]) == 3
    del content["features"][0]
    ring = content["features"][0]["geometry"]["coordinates"][0]
    content["features"][0]["geometry"]["coordinates"][0] = [[x + 5, y] for x, y in ring]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "file", "edit"),
    [("rois", "au_rois.zip", _edit_in_fiji), ("geojson", "au_instances.geojson", _edit_in_qupath)],
)
def test_a_round_trip_through_fiji_and_qupath_is_one_step(
    label: Path, name: str, file: str, edit: Callable[[Path], None]
) -> None:
    micrograph = Micrograph(MICROGRAPH.pixels, 0.1, label.with_name("au.tif"))
    session = EditingSession.open(micrograph, label, write=(name,))
    session.do(paint(session.canvas, [(35, 5)], 2, None))
    session.do(mark_unsure_under(session.canvas, [(35, 40)], 2))
    session.save()
    before = session.canvas.numbers.copy()
    edit(label.with_name(file))
    with pytest.raises(LabelChangedError, match="another program wrote or changed it; it was not overwritten"):
        session.save()
    session.close()
    session = EditingSession.open(micrograph, label, write=(name,))
    session.take(label.with_name(file))
    expected = np.where(before == 1, 0, before)
    expected[before == 2] = 0
    expected[:, 5:][before[:, :-5] == 2] = 2
    np.testing.assert_array_equal(session.canvas.numbers, expected)
    session.save()
    session.undo()
    np.testing.assert_array_equal(session.canvas.numbers, before)
    session.close()


def test_an_unknown_format_is_refused_before_anything_is_written(label: Path) -> None:
    with pytest.raises(SettingsError, match="`write`: expected formats among rois, geojson, received 'tiff'"):
        _open(label, write=("tiff",))
    assert not journal_of(label).exists()
