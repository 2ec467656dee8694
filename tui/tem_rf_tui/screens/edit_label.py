"""Correct the particles of a micrograph: a full-screen editor of its instance labels."""

import gc
from collections.abc import Callable
from dataclasses import replace

from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from tem_rf.errors import EditError, LabelChangedError, TemRfError
from tem_rf.labelling.adding import add_at, add_polygon
from tem_rf.labelling.brush import erase, mark_unsure_under, paint, particle_to_paint
from tem_rf.labelling.canvas import Change
from tem_rf.labelling.facts import Order, ParticleFacts, next_particle
from tem_rf.labelling.outline import grow, shrink
from tem_rf.labelling.particles import accept, delete, mark_unsure, merge, reopen, split
from tem_rf.labelling.session import EditingSession
from tem_rf_tui.help import HelpScreen
from tem_rf_tui.label_keys import EDITOR_BINDINGS, ON_PARTICLES
from tem_rf_tui.label_painting import GreyPyramid, Marks
from tem_rf_tui.label_state import EditorState, Stroke, Tool, facts_line, state_line
from tem_rf_tui.screens.choice import ChoiceScreen
from tem_rf_tui.widgets.hint_text import HintText
from tem_rf_tui.widgets.key_line import KeyLine
from tem_rf_tui.widgets.label_canvas import LabelCanvas

_ORDERS: tuple[Order, ...] = ("confidence", "size", "place")
_MAX_BRUSH_PX = 128


class EditLabelScreen(ModalScreen[None]):
    """The editor.

    Args:
        session: The opened label; the caller closes it.
        pyramid: Its micrograph.
    """

    AUTO_FOCUS = "LabelCanvas"
    BINDINGS = EDITOR_BINDINGS

    def __init__(self, session: EditingSession, pyramid: GreyPyramid) -> None:
        super().__init__()
        self._session, self._pyramid = session, pyramid
        rows, columns = session.canvas.shape
        order: Order = "size" if session.probability is None else "confidence"
        self._state = EditorState((rows // 2, columns // 2), order=order)
        source = "new label" if session.source == "nothing" else f"from {session.source}"
        self._said = "; ".join((source, *session.notes))
        self._is_problem = self._has_particles = False

    def compose(self) -> ComposeResult:
        yield HintText(id="label-facts", markup=False)
        yield HintText(id="label-state", markup=False)
        yield LabelCanvas(self._session.canvas, self._pyramid, self._session.micrograph.pixel_size_nm)
        yield KeyLine()

    def applies(self, action: str) -> bool:
        """Show no key for particles while there are none."""
        return self._has_particles or action not in ON_PARTICLES

    def on_mount(self) -> None:
        """Show the first particle to review once the size is known."""
        self.call_after_refresh(self._begin)

    # -- review ---------------------------------------------------------------------------------------------------

    def action_next(self, backwards: bool = False) -> None:
        """Select the next particle that was not reviewed."""
        self._say("")
        self._go_on(backwards)
        self._show()

    def action_accept(self) -> None:
        """Accept the particle; an edited one already is."""
        if self._state.selected in self._session.canvas.accepted:
            self.action_next()
        else:
            self._edit_selected(lambda number: accept(self._session.canvas, number), goes_on=True)

    def action_reopen(self) -> None:
        """Review the particle again later."""
        self._edit_selected(lambda number: reopen(self._session.canvas, number))

    def action_delete(self) -> None:
        """Delete the particle."""
        self._edit_selected(lambda number: delete(self._session.canvas, number), goes_on=True)

    def action_unsure(self) -> None:
        """Mark the particle as not sure."""
        self._edit_selected(lambda number: mark_unsure(self._session.canvas, number), goes_on=True)

    def action_grow(self) -> None:
        """Grow the outline."""
        self._edit_selected(lambda number: grow(self._session.canvas, number, self._session.probability))

    def action_shrink(self) -> None:
        """Shrink the outline."""
        self._edit_selected(lambda number: shrink(self._session.canvas, number, self._session.probability))

    def action_split(self) -> None:
        """Split the particle."""
        self._edit_selected(lambda number: split(self._session.canvas, number, self._state.cursor))

    def action_merge(self) -> None:
        """Merge the particle with the nearest one."""
        self._edit_selected(lambda number: merge(self._session.canvas, number))

    def action_add(self) -> None:
        """Add the particle under the cursor."""
        session = self._session
        self._edit(lambda: add_at(session.canvas, *self._state.cursor, session.probability, session.micrograph.pixels))

    # -- tools ----------------------------------------------------------------------------------------------------

    def action_tool(self, tool: Tool) -> None:
        """Take a tool, or put it away."""
        self._say("")
        self._state = replace(self._state, tool="select" if tool == self._state.tool else tool, corners=())
        self._show()

    def action_brush(self, steps: int) -> None:
        """Change the size of the brush."""
        radius = self._state.brush_px
        radius = max(0, min(_MAX_BRUSH_PX, radius + steps * max(1, radius // 4)))
        self._state = replace(self._state, brush_px=radius)
        self._show()

    def action_use(self) -> None:
        """Use the tool at the cursor."""
        self._use((self._state.cursor,))

    def action_close_outline(self) -> None:
        """Make a particle of the outline."""
        if self._state.tool != "outline":
            self.action_use()
            return
        corners = self._state.corners
        if self._edit(lambda: add_polygon(self._session.canvas, corners)):
            self._state = replace(self._state, corners=())
            self._show()

    def on_label_canvas_pressed(self, message: LabelCanvas.Pressed) -> None:
        """Select, add, merge, or use the tool."""
        before = self._state.selected
        self._move_to(message.row, message.column)
        under = self._session.canvas.number_at(message.row, message.column)
        if message.button == 3:
            self.action_add()
        elif message.is_shifted and before is not None and under is not None:
            self._edit(lambda: merge(self._session.canvas, before, under))
        else:
            self._use(((message.row, message.column),))

    def on_label_canvas_dragged(self, message: LabelCanvas.Dragged) -> None:
        """Paint when the button is released; until then the cursor follows."""
        self._state = replace(self._state, cursor=self._inside(*message.stroke[-1]))
        if message.has_ended and self._state.tool != "select":
            self._use(message.stroke)
        else:
            self._show()

    # -- steps ----------------------------------------------------------------------------------------------------

    def action_undo(self) -> None:
        """Undo the last step."""
        self._again(self._session.undo, "undid")

    def action_redo(self) -> None:
        """Make the last undone step again."""
        self._again(self._session.redo, "redid")

    def action_save(self) -> None:
        """Save the label; ask if another program has changed it."""
        self._save(overwrite=False)

    def action_leave(self) -> None:
        """Put the tool away, or close the editor."""
        if self._state.tool != "select":
            self.action_tool("select")
        else:
            self.action_close()

    def action_close(self) -> None:
        """Close the editor; ask if there are steps that were not saved."""
        if self._session.is_saved or not self._session.step_count:
            self.dismiss(None)
            return

        def answer(key: str | None) -> None:
            if key == "w" and not self._save(overwrite=False):
                return
            if key is not None:
                self.dismiss(None)

        text = (
            f"{self._session.label_file.name} does not have your latest steps. They are kept in the journal beside it "
            "either way, and the next session continues from them."
        )
        self.app.push_screen(ChoiceScreen("Close", text, {"w": "Save and close", "c": "Close without saving"}), answer)

    # -- the view -------------------------------------------------------------------------------------------------

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor by cells, at least by pixels."""
        step = max(1, round(self._view.viewport.px_per_cell))
        row, column = self._state.cursor
        self._move_to(row + rows * step, column + columns * step)
        self._view.follow(*self._state.cursor)
        self._show()

    def action_zoom(self, factor: float) -> None:
        """Zoom about the cursor."""
        self._view.zoom(factor, self._state.cursor)

    def action_whole(self) -> None:
        """Show the whole micrograph."""
        self._view.show_whole()

    def action_centre(self) -> None:
        """Move the cursor to the middle."""
        self._view.centre_on(*self._state.cursor)

    def action_order(self) -> None:
        """Change the order of review."""
        orders = _ORDERS if self._session.probability is not None else _ORDERS[1:]
        order = orders[(orders.index(self._state.order) + 1) % len(orders)]
        self._state = replace(self._state, order=order)
        self._show()

    def action_outlines(self) -> None:
        """Hide or show the outlines."""
        self._state = replace(self._state, shows_outlines=not self._state.shows_outlines)
        self._show()

    def action_help(self) -> None:
        """List all keys."""
        self.app.push_screen(HelpScreen({"Correct labels": self.BINDINGS}))

    # -- helpers --------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        gc.collect()
        gc.freeze()  # a full collection of all that was imported delays a key by up to 0.1 s
        self._go_on(False)
        self._show()

    @property
    def _view(self) -> LabelCanvas:
        return self.query_one(LabelCanvas)

    def _selected(self) -> int | None:
        """The selected particle, or a message that there is none."""
        if self._state.selected is None:
            self._say(
                "Select a particle first: {editor.next} for the next one, a click, or the cursor.", is_problem=True
            )
            self._show()
        return self._state.selected

    def _edit_selected(self, edit: Callable[[int], Change], *, goes_on: bool = False) -> None:
        number = self._selected()
        if number is not None:
            self._edit(lambda: edit(number), goes_on=goes_on)

    def _edit(self, edit: Callable[[], Change], *, goes_on: bool = False) -> bool:
        """Make a step and show it, or say why it cannot be made; return whether it was made."""
        facts = None if self._state.selected is None else self._session.facts(self._state.selected)
        try:
            change = self._session.do(edit())
        except TemRfError as error:
            self._say(str(error), is_problem=True)
            self._show()
            return False
        self._say(change.name)
        self._state = replace(self._state, selected=change.selected)
        if goes_on:
            self._go_on(False, after=facts)
        self._show()
        return True

    def _again(self, step: Callable[[], Change], word: str) -> None:
        try:
            change = step()
        except TemRfError as error:
            self._say(str(error), is_problem=True)
            self._show()
            return
        self._say(f"{word} {change.name}")
        self._select_after(change)
        self._show()

    def _select_after(self, change: Change) -> None:
        """Select the particle of a step that was undone or made again, and bring it into view."""
        canvas = self._session.canvas
        numbers = [change.selected, *(int(one) for one in (change.after.max(initial=0),))]
        number = next((one for one in numbers if one is not None and one in canvas.boxes), None)
        box = change.box if number is None else canvas.boxes[number]
        self._state = replace(
            self._state, selected=number, cursor=self._inside((box.top + box.bottom) // 2, (box.left + box.right) // 2)
        )
        if not self._view.is_in_view(*self._state.cursor):
            self._view.frame(box)

    def _go_on(self, backwards: bool, after: ParticleFacts | None = None) -> None:
        """Select the next particle that was not reviewed; after the last one, any."""
        canvas, state = self._session.canvas, self._state
        current = after
        if current is None and state.selected in canvas.boxes:
            current = self._session.facts(state.selected)
        left = canvas.boxes.keys() - canvas.accepted
        number = next_particle(left or canvas.boxes, self._session.facts, state.order, current, backwards=backwards)
        self._state = replace(state, selected=number)
        if number is not None:
            facts, box = self._session.facts(number), canvas.boxes[number]
            self._state = replace(self._state, cursor=(facts.row, facts.column))
            self._view.frame(box)

    def _use(self, stroke: Stroke) -> None:
        state, canvas = self._state, self._session.canvas
        if state.tool == "outline":
            self._state = replace(state, corners=(*state.corners, *stroke))
            self._show()
        elif state.tool == "brush":
            number = particle_to_paint(canvas, stroke, state.brush_px, state.selected)
            self._edit(lambda: paint(canvas, stroke, state.brush_px, number))
        elif state.tool == "eraser":
            self._edit(lambda: erase(canvas, stroke, state.brush_px))
        elif state.tool == "not sure":
            self._edit(lambda: mark_unsure_under(canvas, stroke, state.brush_px))
        else:
            self._state = replace(state, selected=canvas.number_at(*state.cursor))
            self._say("")
            self._show()

    def _move_to(self, row: int, column: int) -> None:
        """Move the cursor; a particle under it is selected unless a tool is used."""
        self._state = replace(self._state, cursor=self._inside(row, column))
        under = self._session.canvas.number_at(*self._state.cursor)
        if under is not None and self._state.tool == "select":
            self._state = replace(self._state, selected=under)

    def _inside(self, row: int, column: int) -> tuple[int, int]:
        rows, columns = self._session.canvas.shape
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)

    def _save(self, *, overwrite: bool) -> bool:
        try:
            path = self._session.save(overwrite=overwrite)
        except LabelChangedError as error:
            self._ask_about_change(str(error))
            return False
        except TemRfError as error:
            self._say(str(error), is_problem=True)
            self._show()
            return False
        self._say(f"saved {path}")
        self._show()
        return True

    def _ask_about_change(self, text: str) -> None:
        def answer(key: str | None) -> None:
            if key == "o":
                self._save(overwrite=True)
            elif key == "r":
                self._reload()

        self.app.push_screen(ChoiceScreen("The label has changed", text, {"r": "Reload", "o": "Overwrite"}), answer)

    def _reload(self) -> None:
        try:
            self._session.reload()
            self._say("reloaded; press {editor.undo} to go back to your steps")
        except (TemRfError, EditError) as error:
            self._say(str(error), is_problem=True)
        if self._state.selected not in self._session.canvas.boxes:
            self._state = replace(self._state, selected=None)
        self._show()

    def _say(self, text: str, *, is_problem: bool = False) -> None:
        self._said, self._is_problem = text, is_problem

    def _show(self) -> None:
        session, state = self._session, self._state
        facts = session.facts(state.selected) if state.selected in session.canvas.boxes else None
        self.query_one("#label-facts", Static).update(facts_line(session, facts), layout=False)
        if self._has_particles != bool(session.canvas.boxes):
            self._has_particles = bool(session.canvas.boxes)
            self.refresh_bindings()
        line = self.query_one("#label-state", Static)
        changes_height = self._is_problem or line.has_class("problem")
        line.set_class(self._is_problem, "problem")
        line.update(self._said if self._is_problem else state_line(session, state, self._said), layout=changes_height)
        brush = state.brush_px if state.tool in ("brush", "eraser", "not sure") else None
        self._view.draw(Marks(state.selected, state.cursor, brush, state.corners, state.shows_outlines))
