"""Settings with which the published sets were prepared in their studies."""

from typing import Any

from tem_rf.data.published.public import PUBLISHED_SETS
from tem_rf.errors import SettingsError

_SCALED_BETWEEN_0_AND_1 = ("groschner-2021",)


def preset_changes(name: str) -> dict[str, Any]:
    """Settings that prepare a published set as in its study.

    Args:
        name: One of `PUBLISHED_SETS`.

    Returns:
        Changes to the default settings.

    Raises:
        SettingsError: There is no set of this name.

    >>> preset_changes("au-20nm")
    {'pixel_size_nm': 0.1243, 'xray_threshold': 400}
    """
    published = PUBLISHED_SETS.get(name)
    if published is None:
        raise SettingsError(f"`preset`: expected one of {', '.join(PUBLISHED_SETS)}, received {name!r}.")
    changes: dict[str, Any] = {
        "pixel_size_nm": published.pixel_size_nm,
        "xray_threshold": published.outlier_threshold,
    }
    if name in _SCALED_BETWEEN_0_AND_1:
        changes["normalization"] = "min-max"
    return changes
