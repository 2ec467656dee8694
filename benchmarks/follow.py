"""Follow a folder for a long time while its writer and `tem-rf segment --follow` are killed: is a frame lost or twice?

    python benchmarks/follow.py --minutes 30
    python benchmarks/follow.py --minutes 1 --kills-s 10 --json

A program grows stacks frame by frame, and is killed at random, as the follower is. At the end masks and numbered masks
must be equal, to the byte, to those of one segmentation of the finished files, and tables but for the confidence, which
another engine for the network changes by 1e-5. Before that, images of 1024 px are written one after the other, to
measure the time from the end of the writing to the line with the result. Prints what was found; exit code 1 if a frame
is wrong.
"""

import argparse
import csv
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

FRAMES = 24
_SIDE_PX = 192
_PAUSE_S = (0.2, 2.0)  # between frames


def main() -> None:
    """Run the session and compare its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--kills-s", type=float, default=40.0, help="mean time between kills")
    parser.add_argument("--images", type=int, default=8, help="single images whose delay is measured")
    parser.add_argument("--model", default="au-hrtem")
    parser.add_argument("--seed", type=int, default=752)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)  # the role of the writer
    options = parser.parse_args()
    if options.write:
        return _write(options.write, options.minutes)
    with tempfile.TemporaryDirectory() as folder:
        delays = _delays(Path(folder), options)
        found = {"delay_s": [round(one, 2) for one in delays], **_session(Path(folder), options)}
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    sys.exit(bool(found["wrong"]) or found["stacks"] == 0)


def _segment(folder: str, options: argparse.Namespace) -> list[str]:
    return [sys.executable, "-m", "tem_rf", "segment", folder, "--model", options.model, "--pictures", "none", "--json"]


def _delays(folder: Path, options: argparse.Namespace) -> list[float]:
    """Time from the end of the writing of each image to its result [s]; the first one waits for the program's start."""
    single, log = folder / "single", folder / "single.jsonl"
    single.mkdir()
    delays = []
    with log.open("wb") as output:
        follower = subprocess.Popen(
            [*_segment("single", options), "--output", "singles", "--follow"], cwd=folder, stdout=output, stderr=output
        )
        try:
            for number in range(options.images + 1):
                tifffile.imwrite(single / f"i{number}.tif", _frame(0, number, side_px=1024))
                written = time.monotonic()
                while f"single/i{number}.tif" not in log.read_text():
                    assert time.monotonic() < written + 120, log.read_text()[-500:]
                    time.sleep(0.02)
                delays.append(time.monotonic() - written)
        finally:
            follower.send_signal(signal.SIGINT)
            follower.wait(timeout=60)
    return delays[1:]


def _session(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    (folder / "in").mkdir()
    end = time.time() + 60 * options.minutes
    segment = _segment("in", options)
    commands = {
        "writer": [sys.executable, __file__, "--write", str(folder / "in"), "--minutes", str(options.minutes)],
        "follower": [*segment, "--output", "out", "--follow"],
    }

    def start(role: str) -> subprocess.Popen[bytes]:
        log = (folder / f"{role}.log").open("ab")
        return subprocess.Popen(commands[role], cwd=folder, stdout=log, stderr=log)

    rng, kills = np.random.default_rng(options.seed), {"writer": 0, "follower": 0}
    (folder / "end").write_text(str(end))
    processes = {role: start(role) for role in commands}
    try:
        while time.time() < end:
            time.sleep(min(rng.exponential(options.kills_s), max(end - time.time(), 0)))
            role = ("writer", "follower")[rng.integers(2)]
            if time.time() < end:
                processes[role].kill()
                processes[role].wait()
                kills[role] += 1
                processes[role] = start(role)
        processes["writer"].wait(timeout=120)
        stacks = sorted((folder / "in").glob("*.tif"))
        _wait_for(stacks, folder / "out")
        processes["follower"].send_signal(signal.SIGINT)
        processes["follower"].wait(timeout=60)
    finally:
        for process in processes.values():
            process.kill()
    subprocess.run([*segment, "--output", "once"], cwd=folder, check=True, capture_output=True)
    wrong = [stack.name for stack in stacks if _results(folder / "out", stack) != _results(folder / "once", stack)]
    frames = sum(len(_frames_in(folder / "out", stack)) for stack in stacks)
    return {"minutes": options.minutes, "kills": kills, "stacks": len(stacks), "frames": frames, "wrong": wrong}


def _write(folder: Path, minutes: float) -> None:
    """Grow stacks frame by frame until the time is up; after a kill, resume, or write a damaged stack again."""
    end, rng = float((folder.parent / "end").read_text()), np.random.default_rng()
    for stack in range(10_000):
        path = folder / f"s{stack:04}.tif"
        for number in range(written_frames(path), FRAMES):
            tifffile.imwrite(path, _frame(stack, number), append=path.exists(), photometric="minisblack")
            time.sleep(rng.uniform(*_PAUSE_S))
        if time.time() > end:
            return


def _frame(stack: int, number: int, side_px: int = _SIDE_PX) -> np.ndarray:
    """(side, side) uint16: two dark discs, of which one grows, on a noisy film; different in every frame."""
    y, x = np.mgrid[:side_px, :side_px]
    level = np.full((side_px, side_px), 200.0)
    for row, column, radius in ((50, 60, 20 + number), (140, 130, 30)):
        level[np.hypot(y - row, x - column) < radius] = 120.0
    return np.random.default_rng(1000 * stack + number).poisson(level).astype(np.uint16)


def written_frames(path: Path) -> int:
    """Number of frames of a stack; one that cannot be read is removed."""
    try:
        with tifffile.TiffFile(path) as tiff:
            tiff.asarray(key=range(len(tiff.pages)))
            return len(tiff.pages)
    except (OSError, ValueError, tifffile.TiffFileError):
        path.unlink(missing_ok=True)
        return 0


def _wait_for(stacks: list[Path], output: Path, limit_s: float = 300) -> None:
    end = time.monotonic() + limit_s
    while time.monotonic() < end and any(len(_frames_in(output, stack)) < FRAMES for stack in stacks):
        time.sleep(1)


def _frames_in(output: Path, stack: Path) -> set[int]:
    table = output / f"{stack.stem}_particles.csv"
    if not table.exists():
        return set()
    with table.open() as file:
        return {int(row["frame"]) for row in csv.DictReader(file)}


def _results(output: Path, stack: Path) -> tuple[list[bytes], list[dict[str, str]]]:
    """Masks, numbered masks and the rows of the table without the confidence; nothing if a file is missing."""
    images = [output / f"{stack.stem}_{kind}.tif" for kind in ("mask", "instances")]
    table = output / f"{stack.stem}_particles.csv"
    if not all(file.exists() for file in (*images, table)):
        return [], []
    with table.open() as file:
        rows = [{name: value for name, value in row.items() if name != "confidence"} for row in csv.DictReader(file)]
    return [file.read_bytes() for file in images], rows


if __name__ == "__main__":
    main()
