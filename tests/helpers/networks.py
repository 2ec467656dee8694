"""Networks for the tests: one with weights as a training leaves them, and one that finds bright particles."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tem_rf import Architecture, build_unet
from tem_rf.config.preparation import PreprocessingSettings
from tem_rf.inference.model import Segmenter
from tem_rf.inference.model_choice import NetworkChoice, Networks


def trained(architecture: Architecture, seed: int = 1) -> Any:
    """A network with weights and statistics as a training leaves them, not the initial ones."""
    model = build_unet(architecture, seed=seed)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        positive = weight.path.endswith(("moving_variance", "gamma"))
        change = rng.uniform(0.5, 1.5, weight.shape) if positive else 1 + 0.2 * rng.normal(size=weight.shape)
        weight.assign(weight * change if positive else weight * change + 0.05 * rng.normal(size=weight.shape))
    return model


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


@dataclass(frozen=True)
class CountingSegmenter(Segmenter):
    """A network that keeps the shapes of the images it was given."""

    calls: list[tuple[int, ...]] = field(default_factory=list)


def bright(sha256: str = "bright", kill_after: int | None = None) -> CountingSegmenter:
    """A network that finds what is brighter than the mean by one standard deviation."""
    calls: list[tuple[int, ...]] = []

    def logits(images: np.ndarray) -> np.ndarray:
        calls.append(images.shape)
        if kill_after is not None and len(calls) > kill_after:
            raise Killed
        return np.concatenate([np.ones_like(images), images], axis=-1)

    return CountingSegmenter("bright", Architecture((2, 2)), PreprocessingSettings(), None, logits, sha256, calls=calls)


class OneNetwork(Networks):
    """A network for all files, which needs no folder."""

    def __init__(self, network: Segmenter) -> None:
        super().__init__(NetworkChoice((Path("bright"),), Path("none")))
        self._network = network

    def segmenters(self, file: Path, **rest: Any) -> Any:
        return [self._network]
