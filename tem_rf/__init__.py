"""Segment nanoparticles in electron micrographs with networks of a deliberately chosen receptive field.

Names are imported on first use: `Architecture` and `receptive_field` need no TensorFlow, `build_unet` does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tem_rf.version import __version__ as __version__

if TYPE_CHECKING:
    from tem_rf.api import (
        calibrate,
        evaluate,
        export,
        import_network,
        prepare,
        receptive_field,
        record_trust,
        run_study,
        segment,
        simulate,
        summarize_particles,
        train,
    )
    from tem_rf.architecture.architecture import Architecture
    from tem_rf.models.unet import build_unet

_HOME = {"Architecture": "tem_rf.architecture.architecture", "build_unet": "tem_rf.models.unet"}

__all__ = [
    "Architecture",
    "build_unet",
    "calibrate",
    "evaluate",
    "export",
    "import_network",
    "prepare",
    "receptive_field",
    "record_trust",
    "run_study",
    "segment",
    "simulate",
    "summarize_particles",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'tem_rf' has no attribute {name!r}")
    return getattr(import_module(_HOME.get(name, "tem_rf.api")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
