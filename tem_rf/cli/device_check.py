"""Try out every device of this machine, and say what is wrong with it in words, with the command that fixes it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from tem_rf.cli.finding import Finding
from tem_rf.config.machine import Choice
from tem_rf.jobs.device_trial import Trial, try_device
from tem_rf.runs.devices import gpu_uuid, visible_gpus
from tem_rf.runs.gpus import Driver, Gpu

LOSS_TOLERANCE = 0.05  # relative to the CPU; bfloat16 and TensorFloat-32 round to three digits
CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv", "/.singularity.d")  # of Docker, Podman and Apptainer
INSTALL_GPU_BUILD = "pip install 'tem-rf[gpu]'"
RESTART = "restart the machine (sudo reboot); if it does not help, reinstall the NVIDIA driver"
MIN_DRIVER = {12: 525, 13: 580}
"""The first NVIDIA driver for each CUDA. Source: NVIDIA's release notes of CUDA, minor version compatibility."""

Try = Callable[[str, Choice | None], Trial]


def driver_findings(driver: Driver | None, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Describe the driver and its GPUs, without computing anything.

    Args:
        driver: The driver; None on a machine without one.
        environment: Environment variables of the user.
    """
    if driver is None:
        advice = "train only small networks here, or use a machine with a GPU"
        if _is_in_container(environment):
            advice = "start the container with --gpus all (Docker) or --nv (Apptainer) where the machine has a GPU"
        yield Finding("GPU", "note", "no NVIDIA driver; training runs on the CPU", advice)
        return
    if driver.problem:
        yield Finding("GPU", "broken", f"an NVIDIA driver is installed but does not work: {driver.problem}", RESTART)
        return
    about = f"driver {driver.version}, CUDA {driver.cuda}"
    if not driver.gpus:
        advice = "run nvidia-smi; in a container or a SLURM job, ask for a GPU (docker run --gpus all, --gres=gpu:1)"
        yield Finding("GPU", "note", f"{about}, but no GPU; training runs on the CPU", advice)
    for number, gpu in enumerate(driver.gpus):
        if gpu.problem:
            healthy = ",".join(each.uuid for each in driver.gpus if not each.problem)
            use_others = f"; meanwhile, export CUDA_VISIBLE_DEVICES={healthy}" if healthy else ""
            remedy = gpu.remedy or "restart the machine (sudo reboot)"
            yield Finding(f"GPU {number}", "broken", f"{about}; {gpu.problem}", f"{remedy}{use_others}")
        else:
            found = f"{gpu.name}, {gpu.memory_mb} MB, compute capability {gpu.compute_capability}; {about}"
            yield Finding(f"GPU {number}", "ok", found)
    unknown = [name for name in visible_gpus(environment) or () if not _named([name], driver.gpus)]
    if unknown:
        known = ",".join(gpu.uuid for gpu in driver.gpus if not gpu.problem)
        yield Finding(
            "GPU", "broken", f"CUDA_VISIBLE_DEVICES names {', '.join(unknown)}, which is not on this machine",
            f"export CUDA_VISIBLE_DEVICES={known}" if known else "unset CUDA_VISIBLE_DEVICES",
        )  # fmt: skip


def device_findings(
    driver: Driver | None, environment: Mapping[str, str], attempt: Try = try_device
) -> Iterator[Finding]:
    """Train and segment on the CPU and on every visible GPU.

    Args:
        driver: The driver; None on a machine without one.
        environment: Environment variables of the user.
        attempt: Tries out a device.
    """
    on_cpu = attempt("", None)
    yield _of_cpu(on_cpu)
    gpus = driver.gpus if driver else ()
    names = visible_gpus(environment)
    for gpu in gpus if names is None else _named(names, gpus):
        if driver and not gpu.problem:
            yield _of_gpu(f"computing on GPU {gpus.index(gpu)}", gpu, driver, on_cpu, attempt)


def _of_cpu(trial: Trial) -> Finding:
    if trial.problem:
        advice = "install tem-rf into a new environment"
        return Finding("computing on CPU", "broken", f"training fails: {trial.problem}", advice)
    return Finding("computing on CPU", "ok", _speed(trial))


def _of_gpu(name: str, gpu: Gpu, driver: Driver, on_cpu: Trial, attempt: Try) -> Finding:
    trial = attempt(gpu.uuid, None)
    if not (problem := _problem(trial, on_cpu)):
        return Finding(name, "ok", _speed(trial))
    cause, advice = _cause(problem, trial, gpu, driver)
    if not trial.is_on_gpu and not trial.problem and (trial.cuda or trial.backend == "jax"):
        return Finding(name, "broken", cause, advice)
    if not _problem(attempt(gpu.uuid, "tensorflow-without-xla"), on_cpu):
        return Finding(
            name, "broken", f"{cause}; without XLA, TensorFlow works, more slowly",
            "tem-rf doctor --use tensorflow-without-xla",
        )  # fmt: skip
    if find_spec("jax") is None:
        return Finding(name, "broken", cause, f"{advice}; or {_install_jax(driver)}, then tem-rf doctor")
    on_jax = attempt(gpu.uuid, "jax")
    if not _problem(on_jax, on_cpu):
        return Finding(name, "broken", f"{cause}; JAX can use this GPU", "tem-rf doctor --use jax")
    if not on_jax.is_on_gpu:
        return Finding(name, "broken", cause, f"{advice}; or {_install_jax(driver)}, then tem-rf doctor")
    return Finding(name, "broken", f"{cause}; JAX fails too: {on_jax.problem}", advice)


def _problem(trial: Trial, on_cpu: Trial) -> str:
    """Why a GPU cannot be used after this trial; empty if it can."""
    if trial.problem or trial.loss is None:
        return trial.problem
    if not trial.is_on_gpu:
        return "the backend does not see it"
    if on_cpu.loss is not None and abs(trial.loss - on_cpu.loss) > LOSS_TOLERANCE * on_cpu.loss:
        return f"it computes wrong results: a loss of {trial.loss:.4g} instead of {on_cpu.loss:.4g}"
    return ""


def _cause(problem: str, trial: Trial, gpu: Gpu, driver: Driver) -> tuple[str, str]:
    """What is wrong in words, and what to do."""
    lower = problem.lower()
    if trial.cuda and _version(trial.cuda)[:1] > _version(driver.cuda)[:1]:
        oldest = MIN_DRIVER.get(_version(trial.cuda)[0])
        newer = f" to {oldest} or newer" if oldest else ""
        return (
            f"TensorFlow needs CUDA {trial.cuda}, but the driver supports CUDA {driver.cuda} at most: {problem}",
            f"update the NVIDIA driver{newer} (on Ubuntu: sudo ubuntu-drivers install)",
        )
    if not trial.problem and not trial.is_on_gpu:
        if trial.backend == "jax":
            return "JAX does not see this GPU, since it was installed without CUDA", _install_jax(driver)
        if not trial.cuda:  # on ARM there is no other
            return "TensorFlow was built without CUDA", INSTALL_GPU_BUILD
        return "TensorFlow does not see this GPU, since CUDA and cuDNN are not installed", INSTALL_GPU_BUILD
    if trial.capabilities and _version(gpu.compute_capability) > max(map(_kernel_version, trial.capabilities)):
        newest = ".".join(map(str, max(map(_kernel_version, trial.capabilities))))
        return (
            f"TensorFlow fails, since its kernels end at compute capability {newest} and this GPU has "
            f"{gpu.compute_capability}: {problem}",
            "pip install --upgrade 'tem-rf[gpu]'",
        )
    if "out of memory" in lower or "resource_exhausted" in lower:
        return f"its memory is in use: {problem}", "see with nvidia-smi which processes use it, and end them"
    if "cudnn" in lower or "libdevice" in lower or "ptxas" in lower:
        return f"parts of CUDA are missing or do not match: {problem}", f"{INSTALL_GPU_BUILD} into a new environment"
    if "wrong results" in lower:
        return problem, "do not use this GPU; have it checked"
    return f"training fails: {problem}", RESTART


def _is_in_container(environment: Mapping[str, str]) -> bool:
    return "APPTAINER_CONTAINER" in environment or any(Path(file).exists() for file in CONTAINER_FILES)


def _install_jax(driver: Driver) -> str:
    cuda = 13 if _version(driver.cuda) >= (13,) else 12
    return f"pip install 'tem-rf[jax]' 'jax[cuda{cuda}]'"


def _speed(trial: Trial) -> str:
    return (
        f"a training step takes {trial.step_s:.3f} s, the first one with its compilation {trial.first_step_s:.1f} s, "
        f"a segmentation {trial.segmentation_s:.2f} s"
    )


def _named(names: Sequence[str], gpus: Sequence[Gpu]) -> list[Gpu]:
    uuids = [gpu.uuid for gpu in gpus]
    return [gpus[uuids.index(uuid)] for name in names if (uuid := gpu_uuid(name, uuids)) in uuids]


def _version(text: str) -> tuple[int, ...]:
    """The numbers of a version.

    >>> _version("12.5.1"), _version("9.0") < _version("12.0"), _version("")
    ((12, 5, 1), True, ())
    """
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _kernel_version(name: str) -> tuple[int, ...]:
    """The compute capability that kernels are for.

    >>> _kernel_version("sm_89"), _kernel_version("compute_120"), _kernel_version("sm_90a")
    ((8, 9), (12, 0), (9, 0))
    """
    digits = "".join(character for character in name.partition("_")[2] if character.isdigit())
    return int(digits[:-1] or 0), int(digits[-1:] or 0)
