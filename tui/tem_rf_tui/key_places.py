"""Where keys work: the screens, tables, dialogs and views of the app, with their bindings."""

from typing import Any

from textual.binding import BindingType
from textual.screen import Screen

from tem_rf_tui.label_keys import EDITOR_BINDINGS
from tem_rf_tui.screens import SCREENS, screen_class


def key_places() -> dict[str, list[BindingType]]:
    """Return the bindings by the title of the place where they work; imports all screens."""
    from tem_rf_tui.widgets.filter_field import FilterField
    from tem_rf_tui.widgets.micrograph_view import MicrographView
    from tem_rf_tui.widgets.row_table import RowTable
    from tem_rf_tui.widgets.text_lines import TextLines

    return {
        **{title: [*screen_class(name).BINDINGS] for name, title in SCREENS},
        "Tables": [*RowTable.BINDINGS, *FilterField.BINDINGS],
        "Text": [*TextLines.BINDINGS],
        **{title: [key for part in parts for key in part.BINDINGS] for title, parts in _dialogs().items()},
        "Correct labels": [*EDITOR_BINDINGS],
        "Picture (press Tab to focus it)": [*MicrographView.BINDINGS],
    }


def all_bindings() -> list[BindingType]:
    """Return the bindings of all places."""
    return [each for place in key_places().values() for each in place]


def dialog_title(screen: Screen[Any]) -> str:
    """Return the title of the place of a dialog; empty if it has none."""
    return next((title for title, parts in _dialogs().items() if isinstance(screen, parts)), "")


def _dialogs() -> dict[str, tuple[type[Screen[Any]], ...]]:
    from tem_rf_tui.screens.about_run import QuestionScreen
    from tem_rf_tui.screens.browse import BrowseScreen
    from tem_rf_tui.screens.form import FormScreen
    from tem_rf_tui.screens.guide import GuideScreen
    from tem_rf_tui.screens.image_errors import ImageErrorsScreen
    from tem_rf_tui.screens.image_scores import ImageScoresScreen
    from tem_rf_tui.screens.jobs import JobsScreen
    from tem_rf_tui.screens.machine import MachineScreen
    from tem_rf_tui.screens.report import ReportScreen
    from tem_rf_tui.screens.request_screen import RequestScreen
    from tem_rf_tui.screens.segmented import SegmentedScreen

    return {
        "Browse folders": (BrowseScreen,),
        "Images of a result": (ImageScoresScreen,),
        "One image": (ImageErrorsScreen,),
        "Segmented micrograph": (SegmentedScreen,),
        "Forms": (RequestScreen, FormScreen),
        "Jobs ({app.jobs})": (JobsScreen,),
        "Reports and output": (ReportScreen,),
        "Questions": (QuestionScreen,),
        "Machine ({app.machine})": (MachineScreen,),
        "Steps ({app.steps})": (GuideScreen,),
    }
