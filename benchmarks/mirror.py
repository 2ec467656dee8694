"""What the mirror to MLflow costs beside a training: its processor time over that of the training.

    pip install 'tem-rf[mlflow]'
    python benchmarks/mirror.py --epochs 25 --json

A network is trained on simulated micrographs while `tem-rf mlflow --follow` sends its epochs to a folder. The start of
the mirror, which is paid once, is given apart.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

_START_S = 20.0  # after which the mirror has imported MLflow and sends what is new


def main() -> None:
    """Train, mirror, and print both processor times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--network", default="n2-p44")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = _measure(Path(folder), options)
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, float]:
    tem_rf = [sys.executable, "-m", "tem_rf"]
    for command in (
        ["simulate", "au-5nm", "--count", "12", "--size-px", "512", "--seed", "8", "--output", "micrographs"],
        ["prepare", "micrographs", "--output", "dataset", "--patch-size", "256"],
    ):
        subprocess.run([*tem_rf, *command], cwd=folder, check=True, capture_output=True)
    train = ["train", "dataset", "--network", options.network, "--recipe", "best", "--epochs", str(options.epochs)]
    training = psutil.Popen([*tem_rf, *train, "--name", "run"], cwd=folder, stdout=subprocess.DEVNULL)
    while not (folder / "runs/run/events.jsonl").exists():
        time.sleep(0.1)
    mirror = psutil.Popen([*tem_rf, "mlflow", "run", "--to", "mlruns", "--follow"], cwd=folder)
    began, at_start, last = time.monotonic(), None, (0.0, 0.0)
    while training.poll() is None:
        time.sleep(0.2)
        try:
            last = (_processor_s(mirror), _processor_s(training))
        except psutil.Error:  # one of them has just ended
            break
        if at_start is None and time.monotonic() > began + _START_S:
            at_start = last
    assert mirror.wait(timeout=60) == 0, "the mirror failed; is MLflow installed?"
    assert training.wait(timeout=60) == 0
    assert at_start is not None, "the training was shorter than the start of the mirror; use more --epochs"
    mirror_s, training_s = (now - then for now, then in zip(last, at_start, strict=True))
    return {
        "share": round(mirror_s / training_s, 4),
        "mirror_s": round(mirror_s, 2),
        "training_s": round(training_s, 1),
        "start_of_the_mirror_s": round(at_start[0], 2),
    }


def _processor_s(process: psutil.Popen) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
