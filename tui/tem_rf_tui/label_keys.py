"""The keys of the label editor."""

from textual.binding import Binding

from tem_rf_tui.key_names import named

_FAR = 10  # cells, by which Shift and an arrow move the cursor

_SIGNS = {"question_mark": "?"}
_SHOWN = (
    ("n,pagedown", "next", "Next", "Next particle that was not reviewed"),
    ("a", "accept", "Accept", "Accept the particle and go to the next (an edited one is accepted)"),
    ("d,delete", "delete", "Delete", "Delete the particle and go to the next"),
    ("g", "grow", "Grow", "Grow the outline: lower its threshold, or by one pixel without a model"),
    ("s", "shrink", "Shrink", "Shrink the outline: raise its threshold, or by one pixel without a model"),
    ("f", "add", "Add", "Add the particle under the cursor (also a click with the right button)"),
    ("z,ctrl+z", "undo", "Undo", "Undo, without limit, also steps of earlier sessions"),
    ("w,ctrl+s", "save", "Save", "Save the label as an instance TIFF"),
    ("question_mark", "help", "Help", "List all keys"),
    ("q", "close", "Close", "Close the editor; steps that were not saved are kept"),
    ("x", "split", "Split", "Split at the neck, or cut through the cursor"),
    ("m", "merge", "Merge", "Merge with the nearest particle (Shift and click: with that one)"),
    ("u", "unsure", "Not sure", "Mark the particle as not sure: training and scores ignore it"),
)
"""Key, action, word and help of those in the key line; the first nine fit into 80 columns."""

ON_PARTICLES = frozenset({"next", "accept", "delete", "grow", "shrink", "split", "merge", "unsure"})
"""The actions of them that need a particle."""

_OTHERS = (
    ("p,pageup", "next(True)", "Previous", "Previous particle that was not reviewed"),
    ("r", "reopen", "Reopen", "Review the particle again later"),
    ("y,ctrl+y", "redo", "Redo", "Redo"),
    ("o", "tool('outline')", "Outline", "Draw an outline: Space or a click sets a corner, Enter closes it"),
    ("b", "tool('brush')", "Brush", "Paint with Space or by dragging"),
    ("e", "tool('eraser')", "Eraser", "Erase with Space or by dragging; a particle cut in two becomes two"),
    ("i", "tool('not sure')", "Not-sure brush", "Paint pixels that are not sure with Space or by dragging"),
    ("left_square_bracket", "brush(-1)", "Smaller", "Smaller brush"),
    ("right_square_bracket", "brush(1)", "Larger", "Larger brush"),
    ("space", "use", "Use", "Use the tool at the cursor; without a tool, select the particle"),
    ("enter", "close_outline", "Close outline", "Close the outline"),
    ("plus,equals_sign", "zoom(2)", "Zoom in", "Zoom in, down to pixels (also the mouse wheel)"),
    ("minus", "zoom(0.5)", "Zoom out", "Zoom out"),
    ("0", "whole", "Whole", "Show the whole micrograph"),
    ("c", "centre", "Centre", "Move the cursor to the middle of the view"),
    ("left", "move(0, -1)", "Left", "Move the cursor left; the view follows"),
    ("right", "move(0, 1)", "Right", "Move the cursor right"),
    ("up", "move(-1, 0)", "Up", "Move the cursor up"),
    ("down", "move(1, 0)", "Down", "Move the cursor down"),
    ("shift+left", f"move(0, -{_FAR})", "Far left", f"Move the cursor left by {_FAR}"),
    ("shift+right", f"move(0, {_FAR})", "Far right", f"Move the cursor right by {_FAR}"),
    ("shift+up", f"move(-{_FAR}, 0)", "Far up", f"Move the cursor up by {_FAR}"),
    ("shift+down", f"move({_FAR}, 0)", "Far down", f"Move the cursor down by {_FAR}"),
    ("v", "order", "Order", "Order of review: confidence, size, place"),
    ("h", "outlines", "Hide", "Hide or show the outlines"),
)

EDITOR_BINDINGS = named(
    "editor",
    *(Binding(key, action, words, key_display=_SIGNS.get(key), tooltip=about) for key, action, words, about in _SHOWN),
    *(Binding(key, action, words, show=False, tooltip=about) for key, action, words, about in _OTHERS),
    Binding("escape", "leave", "Leave", show=False, tooltip="Put the tool away, or close the editor"),
)
"""Bindings of the editor, those of the key line first."""
