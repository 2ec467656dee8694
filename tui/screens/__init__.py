"""The screens, one per tab, and the forms they open."""

from tui.screens.base import TabScreen
from tui.screens.data import DataScreen
from tui.screens.network import NetworkScreen
from tui.screens.results import ResultsScreen
from tui.screens.segment import SegmentScreen
from tui.screens.train import TrainScreen

SCREENS: tuple[tuple[str, str, type[TabScreen]], ...] = (
    ("data", "Data", DataScreen),
    ("network", "Network", NetworkScreen),
    ("train", "Train", TrainScreen),
    ("results", "Results", ResultsScreen),
    ("segment", "Segment", SegmentScreen),
)
"""Name, title and kind of each tab, in the order of the keys."""
