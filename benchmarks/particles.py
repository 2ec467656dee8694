"""Time the measurement of particles, and their outlines, beside the time of the network on the same image.

    python -m benchmarks.particles                      # 3,000 particles on 4096 px
    python -m benchmarks.particles --network            # also the network of the shipped model, for comparison

Processor times of one core, the minimum of several repetitions.
"""

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np


def many_particles(side_px: int, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Mask of ellipses on a grid, and counts: (side, side) uint8 and uint16."""
    rng = np.random.default_rng(seed)
    per_side = int(np.ceil(np.sqrt(count)))
    pitch = side_px / per_side
    reach = int(pitch / 2) - 1
    mask = np.zeros((side_px, side_px), np.uint8)
    y, x = np.indices((2 * reach + 1, 2 * reach + 1)) - reach
    for number in range(count):
        row, column = (int(pitch * (place + 0.5)) for place in divmod(number, per_side))
        height, width = rng.uniform(0.3, 1, 2) * reach
        inside = (y / height) ** 2 + (x / width) ** 2 <= 1
        mask[row - reach : row + reach + 1, column - reach : column + reach + 1][inside] = 255
    return mask, rng.poisson(900 - mask.astype(np.int16)).astype(np.uint16)


def minimum_s(run: Callable[[], object], repetitions: int) -> float:
    """Processor time of the fastest repetition [s]."""
    times = []
    for _ in range(repetitions):
        start = process_time()
        run()
        times.append(process_time() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side-px", type=int, default=4096)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument(
        "--network", action="store_true", help="also time the network of the shipped model bright-field"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    from tem_rf.particles.formats.outlines import trace_outlines
    from tem_rf.particles.mask import measure_mask
    from tem_rf.particles.scores import score_particles

    mask, counts = many_particles(arguments.side_px, arguments.count)
    instances = np.zeros(mask.shape, np.uint32)

    def measure(split_touching: bool) -> None:
        measure_mask(mask, counts, min_area_px=50, split_touching=split_touching, instances=instances)

    steps: dict[str, Callable[[], object]] = {
        "measure": lambda: measure(False),
        "measure, split touching": lambda: measure(True),
        "trace outlines": lambda: trace_outlines(instances),
        "score against labels": lambda: score_particles(instances, np.roll(instances, 2, axis=0)),
    }
    if arguments.network:
        steps["network"] = _network(counts)
    times = {name: minimum_s(step, 1 if name == "network" else arguments.repetitions) for name, step in steps.items()}
    if arguments.json:
        print(json.dumps({"side_px": arguments.side_px, "count": int(instances.max()), "processor_s": times}))
        return
    print(f"{instances.max()} particles on {arguments.side_px} px, processor time of one core")
    for name, seconds in times.items():
        print(f"{name:26}{seconds:8.2f} s")


def _network(counts: np.ndarray) -> Callable[[], object]:
    """The shipped model on this image, on one core."""
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    from tem_rf.data.micrograph import Micrograph
    from tem_rf.inference.model import load_segmenter
    from tem_rf.inference.predict import segment_by_ensemble
    from tem_rf.saved_models import MODELS, models_or_shipped

    segmenter = load_segmenter(models_or_shipped(MODELS) / "bright-field")
    micrograph = Micrograph(counts, 0.1243, Path("benchmark.tif"))
    return lambda: segment_by_ensemble([segmenter], micrograph)


if __name__ == "__main__":
    main()
