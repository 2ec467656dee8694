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
    """The screen of a tab, imported when it is asked for, so that the first paint waits for none."""
    module = import_module(f"tem_rf_tui.screens.{name}")
    return cast("type[TabScreen]", getattr(module, f"{name.title()}Screen"))
