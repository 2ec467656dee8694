"""The live table of the trials of a study."""

from tem_rf_tui.study_trials import StudyTrial
from tem_rf_tui.widgets.live_table import LiveTable
from tem_rf_tui.widgets.run_table import SIGNS


class TrialTable(LiveTable[StudyTrial]):
    """Trials in the order given."""

    TITLES = ("state", "network", "field", "objective", "seeds", "epochs")

    def name_of(self, item: StudyTrial) -> str:
        return item.name

    def cells(self, item: StudyTrial) -> tuple[str, ...]:
        done, asked_for = item.epochs
        return (
            f"{SIGNS[item.state]} {item.state}",
            item.architecture.name,
            item.field_text,
            item.objective_text,
            f"{item.seeds_done}/{item.seeds}",
            f"{done}/{asked_for}",
        )
