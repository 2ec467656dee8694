"""The environment of a training: machine, package versions, device."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tem_rf.platforms import usable_cores

PACKAGES = ("tem-rf", "keras", "tensorflow", "jax", "numpy")


def environment() -> dict[str, Any]:
    """Machine, package versions and device of this process, as JSON types."""
    import keras

    return {
        "host": platform.node(),
        "platform": platform.platform(),
        "python": sys.version.split()[0],
        "packages": package_versions(),
        "backend": keras.backend.backend(),
        "devices": keras.distribution.list_devices(),
        "cpus": usable_cores(),
    }


def package_versions() -> dict[str, str | None]:
    """Versions of the packages that affect a result; None for packages that are not installed."""
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
