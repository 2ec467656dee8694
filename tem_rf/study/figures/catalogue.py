"""The list of figures, by name, in the order of the report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tem_rf.errors import SettingsError
from tem_rf.study.figures.figure import StudyFigure
from tem_rf.study.trials import Results


@dataclass(frozen=True)
class Entry:
    """A figure that a report may hold.

    Attributes:
        name: Its name in commands and of its files.
        title: Its heading.
        module: Module beside this one, imported when the figure is made.
        function: Function of the module that computes the numbers.
        arguments: What it is given after the results.
        needs_networks: Whether networks are run on images, which takes minutes.
    """

    name: str
    title: str
    module: str
    function: str
    arguments: tuple[Any, ...] = ()
    needs_networks: bool = False

    def make(self, results: Results) -> StudyFigure:
        """Compute the numbers of the figure.

        Raises:
            NothingToShowError: These runs have nothing for it.
        """
        module = import_module(f"tem_rf.study.figures.{self.module}")
        make: Callable[..., StudyFigure] = getattr(module, self.function)
        return make(results, *self.arguments)


FIGURES = (
    Entry("dice", "Dice against receptive field", "field", "score_against_field", ("hard_dice",)),
    Entry("particle-sizes", "Dice and particle sizes", "particle_sizes", "dice_by_particle_size"),
    Entry("dilation", "Dilation", "dilation", "dilated_networks"),
    Entry("soft-dice", "Soft dice against receptive field", "field", "score_against_field", ("soft_dice",)),
    Entry("boundary", "Boundary F1 against receptive field", "field", "score_against_field", ("boundary_f1",)),
    Entry("costs", "Dice against parameters and time", "costs", "dice_against_costs"),
    Entry("curves", "Training curves: dice", "curves", "training_curves", ("hard_dice",)),
    Entry("loss-curves", "Training curves: loss", "curves", "training_curves", ("loss",)),
    Entry("segmentations", "Example segmentations", "segmentations", "example_segmentations", (), True),
    Entry("edges", "Edges close up", "edges", "edges_close_up", (), True),
    Entry("missed", "What is missed", "missed", "false_negative_maps", (), True),
    Entry("effective-fields", "Effective receptive fields", "effective_fields", "effective_fields", (), True),
)


def find_figures(names: Sequence[str]) -> tuple[Entry, ...]:
    """The figures of these names, in the order of the report; all where no name is given.

    Raises:
        SettingsError: There is no figure of a name.
    """
    known = {entry.name: entry for entry in FIGURES}
    for name in names:
        if name not in known:
            raise SettingsError(f"figure {name!r}: expected one of {', '.join(known)}.")
    return tuple(entry for entry in FIGURES if not names or entry.name in names)
