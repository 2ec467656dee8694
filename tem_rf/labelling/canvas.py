"""The instance numbers of a micrograph while they are edited, with the place of every particle."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tem_rf.data.instances import UNSURE
from tem_rf.errors import EditError


class Box(NamedTuple):
    """A window of an image: rows from `top` up to but without `bottom`, columns from `left` up to `right` [px]."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def place(self) -> tuple[slice, slice]:
        """Index of the window in an image."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def union(self, other: "Box") -> "Box":
        """Return the smallest window with both.

        >>> Box(0, 0, 2, 2).union(Box(1, 4, 3, 5))
        Box(top=0, left=0, bottom=3, right=5)
        """
        return Box(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def padded(self, margin: int, shape: tuple[int, ...]) -> "Box":
        """Return the window with a margin, within an image of a given shape."""
        return Box(
            max(0, self.top - margin),
            max(0, self.left - margin),
            min(shape[0], self.bottom + margin),
            min(shape[1], self.right + margin),
        )


@dataclass(frozen=True, eq=False)
class Change:
    """One step: new values of the pixels of a window, and particles that were reviewed.

    Attributes:
        name: What was done, for the user: "delete 12".
        box: The window.
        before: (height, width) int32 values of the window.
        after: (height, width) int32 values of the window after the step.
        accepted: Particles that count as reviewed from now on.
        reopened: Particles that no longer do.
        selected: Particle that the user works on after the step; None: none.
    """

    name: str
    box: Box
    before: np.ndarray
    after: np.ndarray
    accepted: tuple[int, ...] = ()
    reopened: tuple[int, ...] = ()
    selected: int | None = None

    def reversed(self) -> "Change":
        """Return the step that undoes it."""
        return Change(self.name, self.box, self.after, self.before, self.reopened, self.accepted, self.selected)


class Canvas:
    """Instance numbers that change window by window; nothing it does looks at the whole image after it was made.

    Args:
        numbers: (height, width) int32, 0 on background, `UNSURE` where the label is not sure. It is edited in place.
    """

    def __init__(self, numbers: np.ndarray) -> None:
        from scipy.ndimage import find_objects

        self.numbers = numbers
        self.accepted: set[int] = set()
        self.boxes: dict[int, Box] = {}
        for number, place in enumerate(find_objects(numbers), start=1):
            if place is not None:
                rows, columns = place
                self.boxes[number] = Box(rows.start, columns.start, rows.stop, columns.stop)
        self.last_number = max(self.boxes, default=0)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the micrograph."""
        return self.numbers.shape[0], self.numbers.shape[1]

    def number_at(self, row: int, column: int) -> int | None:
        """Return the particle of a pixel; None on background, where the label is not sure, and outside."""
        if not (0 <= row < self.shape[0] and 0 <= column < self.shape[1]):
            return None
        number = int(self.numbers[row, column])
        return number if number > 0 else None

    def box_of(self, number: int) -> Box:
        """Return the window of a particle.

        Raises:
            EditError: There is no such particle.
        """
        if number not in self.boxes:
            raise EditError(f"particle {number}: does not exist; select one first.")
        return self.boxes[number]

    def mask_of(self, number: int, box: Box | None = None) -> np.ndarray:
        """(height, width) bool of a window, True on a particle.

        Args:
            number: The particle.
            box: The window; default: the one of the particle.
        """
        return self.numbers[(box or self.box_of(number)).place] == number

    def change(
        self,
        name: str,
        box: Box,
        after: np.ndarray,
        *,
        accepted: tuple[int, ...] = (),
        selected: int | None = None,
    ) -> Change:
        """Return a step that gives a window new values, cropped to the pixels that change.

        Raises:
            EditError: No pixel would change.
        """
        before = self.numbers[box.place]
        rows, columns = np.nonzero(before != after)
        if not len(rows):
            raise EditError(f"{name}: changes no pixel.")
        top, left, bottom, right = (
            int(edge) for edge in (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        )
        part = np.s_[top:bottom, left:right]
        new = tuple(one for one in accepted if one not in self.accepted)
        small = Box(box.top + top, box.left + left, box.top + bottom, box.left + right)
        return Change(name, small, before[part].copy(), after[part].astype(np.int32), new, (), selected)

    def apply(self, change: Change) -> None:
        """Make a step."""
        self.numbers[change.box.place] = change.after
        self.accepted |= set(change.accepted)
        self.accepted -= set(change.reopened)
        for number in np.unique(change.after).tolist():
            if number > 0:
                old = self.boxes.get(number)
                self.boxes[number] = change.box if old is None else old.union(change.box)
                self.last_number = max(self.last_number, number)
        for number in {*np.unique(change.before).tolist(), *np.unique(change.after).tolist()} - {0, UNSURE}:
            self._fit_box(number)

    def _fit_box(self, number: int) -> None:
        """Shrink a window to its particle, or remove it with the last pixel."""
        box = self.boxes.get(number)
        if box is None:
            return
        mask = self.mask_of(number, box)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            del self.boxes[number]
            return
        self.boxes[number] = Box(
            box.top + int(rows[0]),
            box.left + int(columns[0]),
            box.top + int(rows[-1]) + 1,
            box.left + int(columns[-1]) + 1,
        )
