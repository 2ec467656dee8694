"""The table of studies."""

from tem_rf.study.view import StudyView
from tem_rf_tui.widgets.live_table import LiveTable
from tem_rf_tui.widgets.run_table import SIGNS


class StudyTable(LiveTable[StudyView]):
    """Studies, by name."""

    TITLES = ("state", "study", "trials done", "failed", "strategy", "seeds", "datasets")

    def name_of(self, item: StudyView) -> str:
        return item.study.name

    def cells(self, item: StudyView) -> tuple[str, ...]:
        states = [trial.state for trial in item.trials.values()]
        about = ("", "", "")
        if item.definition is not None:
            names = ", ".join(dataset.name for dataset in item.definition.datasets)
            about = (item.definition.strategy.name, str(len(item.definition.seeds)), names)
        counts = str(states.count("finished")), str(states.count("failed"))
        return (f"{SIGNS[item.state]} {item.state}", item.study.name, *counts, *about)
