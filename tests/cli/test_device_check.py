"""`tem-rf doctor` says in words what is wrong with a GPU, with the command that fixes it."""

import os
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tem_rf.cli.device_check import device_findings, driver_findings
from tem_rf.cli.finding import Finding
from tem_rf.config.machine import Choice
from tem_rf.jobs.device_trial import Trial, try_device
from tem_rf.runs.devices import installed_gpus
from tem_rf.runs.gpus import Driver, Gpu, find_driver

HOPPER = Gpu("GPU-aaaa", "NVIDIA H100", 81559, "9.0")
BLACKWELL = Gpu("GPU-bbbb", "NVIDIA B200", 183359, "10.0")
PART = Gpu("MIG-cccc", "NVIDIA H100 MIG 1g.10gb", 9728, "9.0")
LOST = Gpu("1", problem="GPU is lost")
DRIVER, OLD = Driver("550.54.15", "12.4"), Driver("470.1", "11.4")
BUILD: dict[str, Any] = {"cuda": "12.5.1", "capabilities": ("sm_60", "sm_89", "compute_90")}
ON_CPU = Trial(0.71, 2.0, 0.05, 0.3, ("cpu:0",), **BUILD)
ON_GPU = Trial(0.712, 9.0, 0.002, 0.01, ("gpu:0",), **BUILD)
NO_KERNEL = replace(ON_GPU, loss=None, problem="InternalError: XLA compilation failed: ptxas exited with 255")

Outcomes = dict[Choice | None, Trial]


def check(gpu: Gpu, outcomes: Outcomes, *, driver: Driver = DRIVER) -> Finding:
    """The finding on one GPU, whose trials end as given."""

    def attempt(name: str, use: Choice | None) -> Trial:
        return outcomes[use] if name else ON_CPU

    on_cpu, on_gpu = device_findings(replace(driver, gpus=(gpu,)), {}, attempt)
    assert on_cpu.state == "ok"
    assert on_gpu.name == "computing on GPU 0"
    return on_gpu


def test_a_gpu_that_trains_is_in_order() -> None:
    finding = check(HOPPER, {None: ON_GPU})
    assert (finding.state, finding.advice) == ("ok", "")
    assert "a training step takes 0.002 s, the first one with its compilation 9.0 s" in finding.found


def test_where_xla_fails_and_the_kernels_work_it_says_how_to_do_without() -> None:
    finding = check(BLACKWELL, {None: NO_KERNEL, "tensorflow-without-xla": ON_GPU})
    assert finding.state == "broken"
    assert "kernels end at compute capability 9.0 and this GPU has 10.0" in finding.found
    assert "ptxas exited with 255" in finding.found
    assert finding.advice == "tem-rf doctor --use tensorflow-without-xla"


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_where_only_jax_works_it_says_how_to_use_it() -> None:
    outcomes: Outcomes = {
        None: NO_KERNEL,
        "tensorflow-without-xla": NO_KERNEL,
        "jax": replace(ON_GPU, devices=("cuda:0",)),
    }
    finding = check(BLACKWELL, outcomes)
    assert finding.found.endswith("JAX can use this GPU")
    assert finding.advice == "tem-rf doctor --use jax"


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_a_tensorflow_without_cuda_leaves_the_gpu_to_jax() -> None:
    without_cuda = replace(ON_CPU, cuda="", capabilities=())
    on_jax = replace(ON_GPU, devices=("cuda:0",))
    finding = check(HOPPER, {None: without_cuda, "tensorflow-without-xla": without_cuda, "jax": on_jax})
    assert finding.found == "TensorFlow was built without CUDA; JAX can use this GPU"
    assert finding.advice == "tem-rf doctor --use jax"


@pytest.mark.parametrize(("cuda", "package"), [("12.4", "jax[cuda12]"), ("13.0", "jax[cuda13]")])
def test_where_jax_has_no_gpu_build_it_says_which_to_install(cuda: str, package: str) -> None:
    outcomes: Outcomes = {None: NO_KERNEL, "tensorflow-without-xla": NO_KERNEL, "jax": ON_CPU}
    assert package in check(BLACKWELL, outcomes, driver=Driver("1", cuda)).advice


@pytest.mark.parametrize(
    ("trial", "driver", "words", "advice"),
    [
        (ON_CPU, DRIVER, "does not see this GPU", "pip install 'tem-rf[gpu]'"),
        (replace(ON_CPU, backend="jax", cuda=""), DRIVER, "JAX does not see this GPU", "'jax[cuda12]'"),
        (ON_CPU, OLD, "TensorFlow needs CUDA 12.5.1, but the driver supports CUDA 11.4", "driver to 525 or newer"),
        (replace(NO_KERNEL, problem="no answer within 300 s"), DRIVER, "no answer within 300 s", "restart the machine"),
        (replace(NO_KERNEL, problem="RESOURCE_EXHAUSTED: 9 GB"), DRIVER, "memory is in use", "nvidia-smi"),
        (replace(ON_GPU, loss=3.0), DRIVER, "wrong results: a loss of 3 instead of 0.71", "do not use this GPU"),
    ],
    ids=["CPU build", "CPU build of JAX", "old driver", "hangs", "memory in use", "computes nonsense"],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words(trial: Trial, driver: Driver, words: str, advice: str) -> None:
    broken = replace(NO_KERNEL, problem="broken") if trial.problem or trial.is_on_gpu else ON_CPU
    finding = check(HOPPER, {None: trial, "tensorflow-without-xla": broken, "jax": ON_CPU}, driver=driver)
    assert finding.state == "broken"
    assert words in finding.found
    assert advice in finding.advice


def test_a_new_gpu_that_is_not_seen_lacks_cuda() -> None:
    finding = check(BLACKWELL, {None: ON_CPU})
    assert "CUDA and cuDNN are not installed" in finding.found
    assert finding.advice == "pip install 'tem-rf[gpu]'"


def test_in_a_container_without_a_driver_it_says_how_to_start_it() -> None:
    (finding,) = driver_findings(None, {"APPTAINER_CONTAINER": "/tem-rf.sif"})
    assert "--nv (Apptainer)" in finding.advice


def test_a_sick_gpu_is_named_and_the_others_are_used() -> None:
    driver = replace(DRIVER, gpus=(HOPPER, LOST))
    healthy, sick = driver_findings(driver, {})
    assert (healthy.state, sick.state) == ("ok", "broken")
    assert "NVIDIA H100, 81559 MB, compute capability 9.0; driver 550.54.15, CUDA 12.4" in healthy.found
    assert "GPU is lost" in sick.found
    assert sick.advice == "restart the machine (sudo reboot); meanwhile, export CUDA_VISIBLE_DEVICES=GPU-aaaa"
    assert [each.name for each in device_findings(driver, {}, lambda gpu, _: ON_GPU if gpu else ON_CPU)] == [
        "computing on CPU",
        "computing on GPU 0",
    ]


@pytest.mark.parametrize(
    ("visible", "tried"),
    [("MIG-c", ["MIG-cccc"]), ("1,0", ["MIG-cccc", "GPU-aaaa"]), ("GPU-a", ["GPU-aaaa"]), ("", [])],
)
def test_only_visible_devices_are_tried_named_by_number_uuid_or_mig(visible: str, tried: list[str]) -> None:
    names: list[str] = []

    def attempt(gpu: str, _: Choice | None) -> Trial:
        names.append(gpu)
        return ON_GPU if gpu else ON_CPU

    environment = {"CUDA_VISIBLE_DEVICES": visible}
    list(device_findings(replace(DRIVER, gpus=(HOPPER, PART)), environment, attempt))
    assert names == ["", *tried]


def test_a_device_that_does_not_exist_is_named() -> None:
    driver = replace(DRIVER, gpus=(HOPPER, LOST, PART))
    *_, finding = driver_findings(driver, {"CUDA_VISIBLE_DEVICES": "0,GPU-zzzz,7"})
    assert (finding.state, finding.found) == (
        "broken", "CUDA_VISIBLE_DEVICES names GPU-zzzz, 7, which is not on this machine"
    )  # fmt: skip
    assert finding.advice == "export CUDA_VISIBLE_DEVICES=GPU-aaaa,MIG-cccc"


@pytest.mark.parametrize(
    ("driver", "state", "words"),
    [
        (None, "note", "no NVIDIA driver"),
        (Driver("550", "12.4"), "note", "but no GPU"),
        (Driver(problem="Driver/library version mismatch"), "broken", "does not work: Driver/library version mismatch"),
    ],
)
def test_a_driver_without_a_device_or_that_fails_is_one_line(driver: Driver | None, state: str, words: str) -> None:
    (finding,) = driver_findings(driver, {})
    assert finding.state == state
    assert words in finding.found


NVML = """
class NVMLError(Exception): pass
class NVMLError_LibraryNotFound(NVMLError): pass
class Memory: total = 80 * 2**30
def nvmlInit(): {init}
nvmlSystemGetCudaDriverVersion_v2 = lambda: 12040
nvmlSystemGetDriverVersion = lambda: "550.54.15"
nvmlDeviceGetCount = lambda: 4
def nvmlDeviceGetHandleByIndex(number):
    if number == 2: raise NVMLError("GPU is lost")
    return f"gpu{{number}}"
def nvmlDeviceGetMigMode(gpu):
    if gpu == "gpu0": raise NVMLError("Not Supported")
    return [1, 1]
nvmlDeviceGetMaxMigDeviceCount = lambda gpu: 3
def nvmlDeviceGetMigDeviceHandleByIndex(gpu, at):
    if at == 1 or gpu == "gpu3": raise NVMLError("Not Found")
    return f"part{{at}}"
nvmlDeviceGetCudaComputeCapability = lambda gpu: (9, 0)
nvmlDeviceGetMemoryInfo = lambda gpu: Memory
nvmlDeviceGetUUID = lambda gpu: f"UUID-{{gpu}}"
nvmlDeviceGetName = lambda gpu: "NVIDIA H100"
"""


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a driver of four GPUs in place: one whole, one in two parts, one lost, one that is to have parts."""
    (tmp_path / "nvidia-smi").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    def install(init: str) -> None:
        (tmp_path / "pynvml.py").write_text(NVML.format(init=init))

    return install


def test_the_driver_names_gpus_their_parts_and_those_that_are_lost(nvml: Callable[[str], None]) -> None:
    nvml("pass")
    driver = find_driver()
    assert (driver.version, driver.cuda) == ("550.54.15", "12.4")
    assert [gpu.uuid for gpu in driver.gpus] == ["UUID-gpu0", "UUID-part0", "UUID-part2", "2", "UUID-gpu3"]
    assert driver.gpus[0] == Gpu("UUID-gpu0", "NVIDIA H100", 81920, "9.0")
    assert driver.gpus[3].problem == "GPU is lost"
    assert "has no parts" in driver.gpus[4].problem
    assert driver.gpus[4].remedy == "sudo nvidia-smi --id=3 --multi-instance-gpu=0"
    assert installed_gpus() == ("UUID-gpu0", "UUID-part0", "UUID-part2")


@pytest.mark.parametrize(
    ("init", "problem"),
    [
        ('raise NVMLError("Driver Not Loaded")', "Driver Not Loaded"),
        ("import os, signal; os.kill(os.getpid(), 9)", "the driver cannot be asked (exit code -9)"),
        ("import time; time.sleep(60)", "the driver does not answer within 1 s"),
    ],
)
def test_a_driver_that_fails_crashes_or_hangs_is_a_problem(
    nvml: Callable[[str], None], init: str, problem: str
) -> None:
    nvml(init)
    assert find_driver(timeout_s=1 if "sleep" in init else 60).problem == problem


@pytest.mark.parametrize(
    ("script", "limit_s", "words"),
    [
        ("import os, sys; print('E0 sm_120', file=sys.stderr); os.abort()", 60, "E0 sm_120 (killed by SIGABRT)"),
        ("import time; time.sleep(60)", 1, "no answer within 1 s"),
        ("raise SystemExit(3)", 60, "its process ended (exit code 3)"),
    ],
    ids=["crash", "hang", "silent"],
)  # fmt: skip
def test_a_trial_that_crashes_or_hangs_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, limit_s: float, words: str
) -> None:
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "__init__.py").write_text(script)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    assert words in try_device("GPU-aaaa", None, limit_s=limit_s).problem


@pytest.mark.slow
@pytest.mark.parametrize("use", ["tensorflow", "tensorflow-without-xla", "jax"])
def test_every_choice_trains_and_segments_on_the_cpu(use: Choice) -> None:
    trial = try_device("", use)
    assert trial.problem == ""
    assert not trial.is_on_gpu
    assert trial.loss == pytest.approx(ON_CPU.loss, abs=0.5)
