"""Alarms about a session that is followed: the specimen moves away, or the dose changes."""

from collections.abc import Callable
from statistics import median

import numpy as np

from tem_rf.data.micrograph import Micrograph
from tem_rf.data.xray import holds_counts

ALARM = "Alarm: "
"""How the line of an alarm begins, so that the app finds it among the notes."""

_FIRST_FRAMES = 3  # whose median is the usual dose
_DOSE_FACTOR = 1.5
_FIELD_SHARE = 0.05  # of the shorter side, moved between two frames


class SessionAlarms:
    """Compares each frame with those before it.

    An alarm is given once when something changes, not for every frame after it. Frames of another size begin a new
    session, as do those of another pixel size.

    Args:
        on_alarm: Called with a line.
    """

    def __init__(self, on_alarm: Callable[[str], None]) -> None:
        self._on_alarm = on_alarm
        self._form: object = None
        self._former: np.ndarray | None = None
        self._means: list[float] = []
        self._is_dose_other = self._is_moving = False

    def look(self, name: str, micrograph: Micrograph) -> None:
        """Compare a frame with those before it.

        Args:
            name: What the alarm calls it.
            micrograph: The frame as recorded.
        """
        form = (micrograph.pixels.shape, micrograph.pixel_size_nm)
        if form != self._form:
            self._form, self._former, self._means = form, None, []
            self._is_dose_other = self._is_moving = False
        if holds_counts(micrograph.pixels):
            self._compare_dose(name, float(micrograph.pixels.mean()))
        self._compare_place(name, micrograph)

    def _compare_dose(self, name: str, mean: float) -> None:
        if len(self._means) < _FIRST_FRAMES:
            self._means.append(mean)
            return
        usual = median(self._means)
        if usual <= 0:
            return
        ratio = mean / usual
        is_other = not 1 / _DOSE_FACTOR <= ratio <= _DOSE_FACTOR
        if is_other and not self._is_dose_other:
            self._on_alarm(
                f"{ALARM}{name}: mean of {mean:.3g} counts, {ratio:.2g} times that of the first frames ({usual:.3g}); "
                "check beam, dose and thickness"
            )
        elif self._is_dose_other and not is_other:
            self._on_alarm(f"{name}: mean of {mean:.3g} counts, as in the first frames again")
        self._is_dose_other = is_other

    def _compare_place(self, name: str, micrograph: Micrograph) -> None:
        from tem_rf.particles.drift import measure_drift

        former, self._former = self._former, micrograph.pixels
        if former is None:
            return
        drift = measure_drift([former, micrograph.pixels])
        is_moving = not drift.unknown and drift.total_px > _FIELD_SHARE * min(former.shape)  # another place: unknown
        if is_moving and not self._is_moving:
            size_nm = micrograph.pixel_size_nm
            length = f"{drift.total_px:.0f} px" + (f" ({drift.total_px * size_nm:.2g} nm)" if size_nm else "")
            self._on_alarm(
                f"{ALARM}{name}: the specimen moved by {length} since the frame before, "
                f"{drift.total_px / min(former.shape):.0%} of the field"
            )
        self._is_moving = is_moving
