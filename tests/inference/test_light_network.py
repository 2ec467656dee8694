"""The included models give the same masks in ONNX Runtime as in TensorFlow, which is then not imported."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tem_rf.config.simulation import simulation_settings
from tem_rf.data.micrograph import Micrograph
from tem_rf.data.simulation.micrograph import simulate_micrograph
from tem_rf.data.tiff import write_tiff
from tem_rf.inference import light_network
from tem_rf.inference.light_network import LIGHT_NAME, has_light_network, load_light_network
from tem_rf.inference.model import Segmenter, load_segmenter
from tem_rf.inference.model_choice import NetworkChoice, Networks
from tem_rf.inference.predict import segment_micrograph
from tem_rf.jobs import segment as segment_job
from tem_rf.saved_models import SHIPPED_MODELS, models_in
from tests.helpers.repository import ROOT

PRESETS = {"au-hrtem": "au-5nm", "bright-field": "au-20nm-lowres", "hrtem": "ag-5nm"}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_masks_equal_those_of_tensorflow(name: str) -> None:
    heavy, light = (load_segmenter(SHIPPED_MODELS / name, light=one) for one in (False, True))
    assert replace(light, logits=heavy.logits) == heavy, "all else is equal, as the checksums that results are known by"
    assert light.logits is not heavy.logits
    for seed, shape in ((7001, (512, 512)), (7002, (500, 333))):
        simulated = simulate_micrograph(simulation_settings(PRESETS[name], size_px=512), seed=seed)
        micrograph = Micrograph(simulated.pixels[: shape[0], : shape[1]], simulated.pixel_size_nm)
        expected, found = (segment_micrograph(one, micrograph, tile_px=256) for one in (heavy, light))
        np.testing.assert_array_equal(found.mask, expected.mask)
        np.testing.assert_allclose(found.probability, expected.probability, atol=1e-5)
        assert 0.01 < found.mask.mean() < 0.9


def test_every_included_model_has_one() -> None:
    assert [path.name for path in models_in(SHIPPED_MODELS) if not has_light_network(path)] == []


def test_a_network_of_other_variables_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(SHIPPED_MODELS / "hrtem", tmp_path / "models/hrtem"))
    assert load_light_network(folder) is None, "a folder of the user"
    monkeypatch.setattr(light_network, "SHIPPED_MODELS", folder.parent)
    assert load_light_network(folder) is not None
    shutil.copyfile(SHIPPED_MODELS / "au-hrtem" / LIGHT_NAME, folder / LIGHT_NAME)
    assert load_light_network(folder) is None


def test_all_candidates_are_loaded_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = Path(shutil.copytree(SHIPPED_MODELS, tmp_path / "models"))
    monkeypatch.setattr(light_network, "SHIPPED_MODELS", models)
    loaded: list[bool] = []

    def load(folder: Path, *, light: bool) -> Segmenter:
        loaded.append(light)
        return load_segmenter(SHIPPED_MODELS / folder.name, light=True)

    monkeypatch.setattr("tem_rf.inference.model_choice.load_segmenter", load)
    choices = NetworkChoice((), models), NetworkChoice((models / "hrtem",), models)
    (models / "au-hrtem" / LIGHT_NAME).unlink()
    write_tiff(tmp_path / "m.tif", np.ones((9, 9), np.uint16), pixel_size_nm=0.1243)
    for choice in choices:
        Networks(choice, light=True).segmenters(tmp_path / "m.tif")
    assert loaded == [False, True]


SCRIPT = """
import json, sys
from tem_rf.api import segment
result = segment(sys.argv[1], model=["hrtem"], output=sys.argv[2])
print(json.dumps([sorted({"tensorflow", "keras", "matplotlib"} & sys.modules.keys()), "onnxruntime" in sys.modules]))
"""


def test_a_small_file_is_segmented_without_tensorflow(tmp_path: Path) -> None:
    simulated = simulate_micrograph(simulation_settings("ag-5nm", size_px=256), seed=7001)
    write_tiff(tmp_path / "m.tif", simulated.pixels, pixel_size_nm=simulated.pixel_size_nm)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "m.tif"), str(tmp_path / "out")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [[], True]


@pytest.mark.parametrize(("max_bytes", "light"), [(10**9, True), (10, False)])
def test_many_files_are_segmented_by_tensorflow(
    max_bytes: int, light: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    class Watched(Networks):
        def __init__(self, choice: NetworkChoice, *, light: bool = False) -> None:
            asked.append(light)
            super().__init__(choice, light=True)

    monkeypatch.setattr("tem_rf.inference.model_choice.Networks", Watched)
    monkeypatch.setattr(segment_job, "_MAX_LIGHT_BYTES", max_bytes)
    simulated = simulate_micrograph(simulation_settings("ag-5nm", size_px=256), seed=7001)
    write_tiff(tmp_path / "m.tif", simulated.pixels, pixel_size_nm=simulated.pixel_size_nm)
    request = segment_job.SegmentRequest(
        images=(tmp_path / "m.tif",), output=tmp_path / "out", segmentation={}, tracking={}, execution={}
    )
    segment_job.segment(request)
    assert asked == [light]
