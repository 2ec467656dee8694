"""Simulate high-resolution micrographs of nanoparticles on carbon, with exact masks, from physics."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from tem_rf.config.simulation import SimulationSettings
from tem_rf.data.simulation.crystals import crystal
from tem_rf.data.simulation.folder import SimulationFolder
from tem_rf.data.simulation.micrograph import (
    Exposure,
    ParticleRecord,
    SimulatedMicrograph,
    simulate_exposures,
    simulate_micrograph,
)
from tem_rf.errors import DatasetError, SettingsError
from tem_rf.platforms import usable_cores

__all__ = [
    "Exposure",
    "ParticleRecord",
    "SimulatedMicrograph",
    "simulate_exposures",
    "simulate_micrograph",
    "simulate_micrographs",
]


Progress = Callable[[int, int], None]  # micrographs done, of how many


def simulate_micrographs(
    settings: SimulationSettings,
    output: Path,
    *,
    count: int,
    seed: int,
    workers: int | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Path]:
    """Simulate micrographs into a folder, with labels; what is there already is reused.

    Micrographs do not depend on the number of workers, nor on their count: 40 continue after the first 20. Each worker
    is a fresh process with one FFT thread, which does not run the script that asked for it again.

    Args:
        settings: Specimen, microscope and camera.
        output: Folder; gets images/NAME.tif, labels/NAME.tif, instances/NAME.tif, particles/NAME.csv,
            micrographs.csv, simulation.json.
        count: Number of micrographs.
        seed: Seed of the whole.
        workers: Number of processes; None takes one per core.
        progress: Called with the number done and the number wanted, at the start and after each.

    Returns:
        The image files, in order.

    Raises:
        DatasetError: The folder holds other things or other settings, or a worker died.
        ReadError: The material is a CIF file that cannot be used.
        SettingsError: A count below 1, no such material, or more particles than fit the field.
        StorageError: The disk is full or the place cannot be written to.
    """
    if count < 1:
        raise SettingsError(f"`count`: expected 1 or more micrographs, received {count}.")
    if seed < 0:
        raise SettingsError(f"`seed`: expected 0 or more, received {seed}.")
    if workers is not None and workers < 1:
        raise SettingsError(f"`workers`: expected 1 or more processes, received {workers}.")
    crystal(settings.material)  # refuses what is no material before anything is written
    folder = SimulationFolder.create_or_open(output, settings, seed=seed, count=count)
    folder.write_conditions(count)
    missing = [index for index in range(count) if not folder.image(index).exists()]
    progress(count - len(missing), count)
    try:
        for done, (index, micrograph) in enumerate(_simulate(folder, missing, workers), start=count - len(missing) + 1):
            # Only this process writes: a worker that is stopped leaves nothing behind.
            folder.write(index, micrograph)
            progress(done, count)
    except SettingsError:  # what does not fit the field shows once it is tried
        folder.remove_if_empty()
        raise
    return [folder.image(index) for index in range(count)]


def _simulate(
    folder: SimulationFolder, indices: Sequence[int], workers: int | None
) -> Iterator[tuple[int, SimulatedMicrograph]]:
    """Simulate micrographs in any order: pairs of index and micrograph."""
    workers = min(workers or usable_cores(), len(indices))
    if workers > 1:
        yield from _simulate_in_processes(folder, indices, workers)
    else:
        for index in indices:
            yield index, simulate_micrograph(folder.settings, seed=folder.micrograph_seed(index))


def _simulate_in_processes(
    folder: SimulationFolder, indices: Sequence[int], workers: int
) -> Iterator[tuple[int, SimulatedMicrograph]]:
    # Spawned, not forked: a fork copies the locks of threads that TensorFlow or a terminal app may hold.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=_end_with_the_parent)
    pending: dict[Future[SimulatedMicrograph], int] = {}
    waiting = iter(indices)
    try:
        while True:
            # Two per worker in flight, so that finished micrographs do not pile up in memory.
            while len(pending) < 2 * workers and (index := next(waiting, None)) is not None:
                with _main_module_hidden():
                    task = pool.submit(simulate_micrograph, folder.settings, seed=folder.micrograph_seed(index))
                pending[task] = index
            if not pending:
                return
            for task in wait(pending, return_when=FIRST_COMPLETED).done:
                yield pending.pop(task), task.result()
    except BrokenProcessPool as error:
        raise DatasetError(
            f"{folder.path}: a worker process was killed, most likely for lack of memory; the micrographs that "
            "are complete are kept: run the same again with fewer workers."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Let new processes leave the running script alone.

    A spawned process imports the main module of its parent, so that a script without `if __name__ == "__main__":`
    would simulate once more in every worker. The workers need nothing of it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _end_with_the_parent() -> None:
    """Ctrl-C, which a terminal sends to workers too, ends them without a traceback each; so does the parent's end.

    Without that, workers of a parent that was killed wait forever to hand over what they have.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_exit_after_the_parent, daemon=True).start()


def _exit_after_the_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
