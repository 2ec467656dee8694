"""Segment nanoparticles in electron micrographs with networks whose receptive field is chosen on purpose.

The names below are imported on first use: `Architecture` needs no TensorFlow, `build_unet` does.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "Architecture": "tem_rf.receptive_field.architecture",
    "build_unet": "tem_rf.models.unet",
}

__all__ = ["Architecture", "build_unet"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tem_rf' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
