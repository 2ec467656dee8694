"""A text that names keys."""

from typing import cast

from textual.visual import VisualType
from textual.widgets import Static

from tem_rf_tui.session import SessionApp


class HintText(Static):
    """Shows names of keys in braces, such as `{train.new}`, as the keys of the settings."""

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Replace the text."""
        text = cast("SessionApp", self.app).hint(content) if isinstance(content, str) else content
        super().update(text, layout=layout)
