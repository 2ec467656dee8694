"""The public names of the package: there lazily, one object each, whatever was imported before."""

import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tem_rf
from tem_rf.errors import ArchitectureError, DatasetError, SettingsError
from tem_rf.runs import RunFolder

HEAVY = ("tensorflow", "keras", "numpy", "pydantic")


def answer(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_every_public_name_is_a_function_or_a_class() -> None:
    assert [name for name in tem_rf.__all__ if not callable(getattr(tem_rf, name))] == []
    assert set(tem_rf.__all__) <= set(dir(tem_rf))


def test_the_package_itself_imports_nothing() -> None:
    assert answer(f"import sys, tem_rf; print([name for name in {HEAVY!r} if name in sys.modules])") == "[]"


def test_a_receptive_field_needs_no_numpy() -> None:
    code = "import sys, tem_rf; print(tem_rf.receptive_field('n2-p88').reach_px, 'numpy' in sys.modules)"
    assert answer(code) == "227 False"


def test_no_function_is_named_like_a_module_that_would_replace_it_when_imported() -> None:
    modules = {module.name for module in pkgutil.iter_modules(tem_rf.__path__)}
    assert {"exporting", "jobs"} <= modules
    assert modules.isdisjoint(tem_rf.__all__)


def test_a_function_shows_its_arguments() -> None:
    assert list(inspect.signature(tem_rf.export).parameters)[:2] == ["run", "output"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        tem_rf.nothing  # noqa: B018


def test_settings_are_checked_as_those_of_the_commands(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="size_px"):
        tem_rf.simulate("au-5nm", tmp_path / "out", size_px=3)
    with pytest.raises(SettingsError, match="preset"):
        tem_rf.prepare(tmp_path, tmp_path / "out", preset="lead-5nm")
    with pytest.raises(ArchitectureError, match="n2"):
        tem_rf.receptive_field("n2")
    with pytest.raises(DatasetError, match="nowhere"):
        tem_rf.train(tmp_path / "nowhere", "n2-p22")
    with pytest.raises(TypeError, match="nonsense"):
        tem_rf.segment(tmp_path, output=tmp_path / "out", nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="`run`: expected one or more, received none"):
        tem_rf.evaluate([])
    assert not (tmp_path / "out").exists()


def test_the_same_call_goes_on_with_a_run_and_more_epochs_extend_it(tiny_dataset: Path, tmp_path: Path) -> None:
    def train(epochs: int) -> Any:
        return tem_rf.train(
            tiny_dataset, "n2-p22", recipe="paper", epochs=epochs, batch_size=16, name="one", runs=tmp_path
        )

    first = train(1)
    written = first.model_file.stat().st_mtime_ns
    assert train(1).model_file.stat().st_mtime_ns == written
    assert train(2).config.training.epochs == 2


def test_runs_are_named_by_name_by_folder_or_as_trained(trained_run: RunFolder) -> None:
    def methods(run: Any, **options: Any) -> list[str]:
        return [row.method for row in tem_rf.evaluate(run, baseline=False, **options)]

    assert methods(trained_run) == methods(trained_run.path) == ["n2-p22"]
    assert methods([trained_run.name], runs=trained_run.path.parent) == ["n2-p22"]


def test_a_plain_script_needs_no_guard_around_a_simulation_in_several_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from tem_rf import simulate\n"
        "print('started')\n"
        f"output = Path({str(tmp_path)!r}) / 'out'\n"
        "images = simulate('au-5nm', output, count=2, size_px=128, diameter_nm=1.2, particle_count=1, workers=2)\n"
        "print(len(images), 'images')\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("started\n2 images\n", 0), done.stderr
