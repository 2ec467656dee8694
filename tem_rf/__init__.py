"""Segment nanoparticles in electron micrographs with networks whose receptive field is chosen on purpose.

The names below are imported on first use: `Architecture` and `receptive_field` need no TensorFlow, `build_unet` does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tem_rf.api import evaluate, export, prepare, receptive_field, segment, simulate, train
    from tem_rf.models.unet import build_unet
    from tem_rf.receptive_field.architecture import Architecture

_HOME = {
    "Architecture": "tem_rf.receptive_field.architecture",
    "build_unet": "tem_rf.models.unet",
    "evaluate": "tem_rf.api",
    "prepare": "tem_rf.api",
    "segment": "tem_rf.api",
    "simulate": "tem_rf.api",
    "train": "tem_rf.api",
}
_CALLABLE_PACKAGES = ("export", "receptive_field")

__all__ = [
    "Architecture",
    "build_unet",
    "evaluate",
    "export",
    "prepare",
    "receptive_field",
    "segment",
    "simulate",
    "train",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _CALLABLE_PACKAGES:
        return import_module(f"tem_rf.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'tem_rf' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
