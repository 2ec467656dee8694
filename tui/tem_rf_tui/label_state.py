"""What the keys of the label editor act on, and the two lines that say so."""

from dataclasses import dataclass
from typing import Literal

from tem_rf.labelling.facts import Order, ParticleFacts
from tem_rf.labelling.session import EditingSession
from tem_rf_tui.wording import counted

Tool = Literal["select", "outline", "brush", "eraser", "not sure"]
Stroke = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class EditorState:
    """What the keys act on.

    Attributes:
        cursor: Row and column of the cursor [px].
        selected: The particle that the next key edits.
        tool: What Space and the mouse do.
        brush_px: Radius of the brush [px].
        corners: Corners of an unfinished outline.
        order: Order in which particles are reviewed.
        shows_outlines: Whether particles are outlined.
    """

    cursor: tuple[int, int]
    selected: int | None = None
    tool: Tool = "select"
    brush_px: int = 4
    corners: Stroke = ()
    order: Order = "confidence"
    shows_outlines: bool = True


def facts_line(session: EditingSession, facts: ParticleFacts | None) -> str:
    """Return the numbers of the selected particle, and how many are left to review."""
    canvas = session.canvas
    count = len(canvas.boxes)
    left = len(canvas.boxes.keys() - canvas.accepted)
    none = "no particles; {editor.add} adds the one under the cursor, {editor.outline} draws an outline"
    total = f"{left} of {counted(count, 'particle')} to review" if count else none
    if facts is None:
        return total
    pixel_size_nm = session.micrograph.pixel_size_nm
    words = [f"particle {facts.number}", f"{facts.area_px} px"]
    if pixel_size_nm is None:
        words.append(f"diameter {facts.diameter_px:.1f} px")
    else:
        words.append(f"diameter {facts.diameter_px * pixel_size_nm:.3g} nm")
    if facts.confidence is not None:
        words.append(f"confidence {facts.confidence:.2f}")
    if facts.number in canvas.accepted:
        words.append("reviewed")
    return f"{', '.join(words)}  │  {total}"


def state_line(session: EditingSession, state: EditorState, said: str) -> str:
    """Return tool, cursor and steps, after what was done last."""
    words = [said] if said else []
    if state.tool == "outline":
        words.append(
            f"outline, {counted(len(state.corners), 'corner')}: "
            "{editor.use} adds one, {editor.close-outline} closes it, {editor.leave} cancels"
        )
    elif state.tool != "select":
        words.append(
            f"{state.tool}, radius {state.brush_px} px: "
            "{editor.use} or drag, {editor.smaller} {editor.larger} size, {editor.leave} puts it away"
        )
    else:
        words.append(f"y {state.cursor[0]}, x {state.cursor[1]}")
        words.append(f"by {state.order}")
    steps = counted(session.step_count, "step")
    words.append(steps if session.is_saved or not session.step_count else f"{steps}, not saved")
    return "  │  ".join(words)
