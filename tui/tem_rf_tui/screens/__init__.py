"""The screens, one per tab, and the forms they open."""

from importlib import import_module
from typing import cast

from tem_rf_tui.screens.base import TabScreen

SCREENS = (
    ("data", "Data"),
    ("network", "Network"),
    ("train", "Train"),
    ("search", "Search"),
    ("results", "Results"),
    ("segment", "Segment"),
)
"""Name and title of each tab, in the order of the keys."""


def screen_class(name: str) -> type[TabScreen]:
    """Return the screen of a tab, imported on first use, so the first paint does not wait."""
    module = import_module(f"tem_rf_tui.screens.{name}")
    return cast("type[TabScreen]", getattr(module, f"{name.title()}Screen"))
