"""Results: tables of scores to sort, filter and copy; keys to evaluate and export runs."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from tem_rf.errors import StorageError
from tem_rf.evaluation.columns import sort_by
from tem_rf.evaluation.table import NOTHING, as_csv, as_latex, as_markdown
from tem_rf.evaluation.trials import TrialResult
from tem_rf.files import write_text
from tem_rf.jobs.evaluate import EvaluateRequest
from tem_rf.jobs.export import ExportRequest
from tem_rf.runs.view import RunView
from tem_rf_tui.key_names import named
from tem_rf_tui.results import COLUMNS, cells_of, contains, read_results
from tem_rf_tui.screens.base import READING
from tem_rf_tui.screens.image_scores import ImageScoresScreen
from tem_rf_tui.screens.request_screen import CommandForm
from tem_rf_tui.screens.study_runs import StudyRunsScreen
from tem_rf_tui.widgets.columns import MIN_WIDTH, columns_with_room, widths_of
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.row_table import OpeningTable, Row, RowTable
from tem_rf_tui.wording import counted

_KEYS = [column.key for column in COLUMNS]
_TITLES = [column.title for column in COLUMNS]
_NAMES = {_KEYS.index(key) for key in ("dataset", "network", "seeds")}
_FIRST_SORT = _KEYS.index("validation_hard_dice")
_AFTER_KEY_S = 0.1
_FORMATS = {"Markdown": as_markdown, "CSV": as_csv, "LaTeX": as_latex}


class ResultsScreen(StudyRunsScreen):
    """One row per trial, with mean ± SD over its seeds."""

    BINDINGS = named(
        "results",
        Binding(
            "slash",
            "filter",
            "Filter",
            key_display="/",
            tooltip="Show rows with all words; Esc removes the filter",
        ),
        Binding("o", "sort(1)", "Sort", tooltip="Sort by the next column (or click its title)"),
        Binding("O", "reverse", "Reverse", show=False, tooltip="Reverse the order"),
        Binding("g", "group", "Group", tooltip="Show one row per trial (mean ± SD over seeds) or per run"),
        Binding("enter", "images", "Images", show=False, tooltip="Show the scores of each image, worst first"),
        Binding("e", "evaluate", "Evaluate", tooltip="Evaluate the runs of the row on the test images"),
        Binding("x", "export", "Export", tooltip="Export the best run of the row as a SavedModel"),
        Binding(
            "y",
            "copy('Markdown')",
            "Copy",
            show=False,
            tooltip="Copy the table as Markdown, through the terminal (OSC 52)",
        ),
        Binding("Y", "copy('CSV')", "Copy CSV", show=False, tooltip="Copy the table as CSV"),
        Binding("L", "copy('LaTeX')", "Copy LaTeX", show=False, tooltip="Copy the table as LaTeX"),
        Binding("w", "write", "Write", show=False, tooltip="Write the table to results.csv"),
    )

    @dataclass
    class ResultsRead(Message):
        """The table was read."""

        rows: list[TrialResult]
        cells: list[Row]

    def __init__(self) -> None:
        super().__init__()
        self._has_read_rows = False
        self._rows: list[TrialResult] = []
        self._cells: dict[TrialResult, Row] = {}
        self._shown: list[TrialResult] = []
        self._columns: list[int] = []  # those that fit
        self._words = ""  # of the filter
        self._is_grouped, self._sort, self._is_descending = True, _FIRST_SORT, True
        self._read_of: object = None
        self._will_read = False
        self._laid_out = Size()  # for this size of the screen

    def compose(self) -> ComposeResult:
        yield FilterField("results")
        yield OpeningTable(_TITLES, id="results")
        yield Static(id="result-details", markup=False)
        yield Static(id="no-results", markup=False)

    def on_mount(self) -> None:
        """Start watching the runs of studies."""
        self.watch_studies()

    def applies(self, action: str) -> bool:
        """Show no key for rows while there are none."""
        return bool(self._rows if action == "filter" else self._shown)

    def activate(self) -> None:
        """Focus the table."""
        self.stand_in(self.query_one("#results"))
        self._read_later()

    def show_runs(self) -> None:
        """Read the results again if a run has a new epoch."""
        if self._progress() != self._read_of:
            self._read_later()
        elif not self._rows:  # it may now be known that there are none
            self._show()

    def show_ended_job(self) -> None:
        """Read the results again: an evaluation may have ended."""
        self._read_again()

    def on_results_screen_results_read(self, message: ResultsRead) -> None:
        """Show the rows."""
        before, self._has_read_rows = self._rows, True
        is_same = message.cells == [self._cells[row] for row in before]
        self._rows, self._cells = message.rows, dict(zip(message.rows, message.cells, strict=True))
        if is_same and before:  # to sort and draw 500 rows again would delay the next key
            now = dict(zip(before, message.rows, strict=True))
            self._shown = [now[row] for row in self._shown]
        else:
            self._show()

    def filter_list(self, name: str, words: str) -> None:
        """Show the rows with these words."""
        self._words = words
        self._show()

    def on_resize(self) -> None:
        """Show the columns that fit; a tab that is opened again has the same size."""
        super().on_resize()
        if self.size != self._laid_out:
            self._laid_out = self.size
            self._show()

    def on_row_table_title_selected(self, event: RowTable.TitleSelected) -> None:
        """Sort by a column; reverse the order if it is the current one."""
        column = self._columns[event.column]
        if column == self._sort:
            self._is_descending = not self._is_descending
        self._sort = column
        self._show()

    def on_row_table_row_highlighted(self) -> None:
        """Show the columns that do not fit."""
        self._show_details()

    def on_row_table_row_selected(self) -> None:
        """Open the images of the row."""
        self.action_images()

    def action_sort(self, by: int) -> None:
        """Sort by another column."""
        self._sort = (self._sort + by) % len(COLUMNS)
        self._show()

    def action_reverse(self) -> None:
        """Reverse the order."""
        self._is_descending = not self._is_descending
        self._show()

    def action_group(self) -> None:
        """Switch between one row per trial and one per run."""
        self._is_grouped = not self._is_grouped
        self._read_again()

    def action_images(self) -> None:
        """Show the scores of each image."""
        row = self._chosen()
        if row is not None and row.scored:
            self.app.push_screen(ImageScoresScreen(row))
        elif row is not None:
            self.notify(
                "Not evaluated yet; press {results.evaluate} to evaluate it on the test images.", severity="warning"
            )

    def action_evaluate(self) -> None:
        """Evaluate the runs of the row."""
        if row := self._chosen():
            request = EvaluateRequest(run=_paths(row))
            self.tem_rf.start_command(f"evaluate {_title(row)}", *request.command_line(), "--json")

    def action_export(self) -> None:
        """Ask for the settings, then export the best run of the row."""
        row = self._chosen()
        if row is None:
            return

        def start(request: ExportRequest | None) -> None:
            if request is not None:
                ending = self.tem_rf.hint("done; press {app.segment} to segment with it")
                self.tem_rf.start_command(f"export {_title(row)}", *request.command_line(), "--json", ending=ending)

        form = CommandForm(f"Export {_title(row)}", ExportRequest, fixed={"run": _paths(row)}, leave_out=("runs",))
        self.app.push_screen(form, start)

    def action_copy(self, kind: str) -> None:
        """Copy the shown table to the clipboard of the terminal."""
        self.app.copy_to_clipboard(_FORMATS[kind](self._shown, COLUMNS))
        self.notify(f"Copied {counted(len(self._shown), 'row')} as {kind}")

    def action_write(self) -> None:
        """Write the shown table."""
        path = self.tem_rf.workspace.folder / "results.csv"
        try:
            write_text(path, as_csv(self._shown, COLUMNS))
            self.notify(f"Wrote {counted(len(self._shown), 'row')} to {path}")
        except (StorageError, OSError) as error:
            self.notify(str(error), severity="error", timeout=10)

    def _show(self) -> None:
        rows = [row for row in self._rows if contains(row, self._cells[row], self._words)]
        self._shown = sort_by(rows, COLUMNS[self._sort], is_descending=self._is_descending)
        cells = [self._cells[row] for row in self._shown]
        table, sign = self.query_one(RowTable), "▼" if self._is_descending else "▲"
        titles = [f"{title} {sign}" if index == self._sort else title for index, title in enumerate(_TITLES)]
        room = self.size.width - table.styles.scrollbar_size_vertical
        widths = widths_of(titles, cells)
        self._columns = columns_with_room(widths, room, always=_NAMES | {self._sort})
        table.show_rows(
            [tuple(row[column] for column in self._columns) for row in cells],
            [titles[column] for column in self._columns],
        )
        self.query_one("#result-details").display = len(self._columns) < len(COLUMNS) and bool(self._shown)
        self._show_details()
        self.show_or_say(table, self.query_one("#no-results", Static), None if self._shown else self._nothing())
        self.screen.refresh_bindings()

    def _nothing(self) -> str:
        """Return why there are no rows."""
        if self._rows:
            return "No row contains all these words."
        has_read = self.tem_rf.has_read_runs and self.has_read_studies and self._has_read_rows
        return "No run has finished an epoch yet; press {app.train} to train a network." if has_read else READING

    def _show_details(self) -> None:
        row = self.query_one(RowTable).cursor_row
        cells = self._cells[self._shown[row]] if row < len(self._shown) else ()
        left_out = [
            f"{title} {cell}"
            for column, (title, cell) in enumerate(zip(_TITLES, cells, strict=False))
            if cell != NOTHING and (column not in self._columns or len(cell) > MIN_WIDTH)
        ]
        self.query_one("#result-details", Static).update(" · ".join(left_out), layout=False)  # of fixed height

    def _chosen(self) -> TrialResult | None:
        index = self.query_one(RowTable).cursor_row
        if 0 <= index < len(self._shown):
            return self._shown[index]
        self.notify("No results yet.", severity="warning")
        return None

    def _read_later(self) -> None:
        """Read once the screen is drawn, since a thread that reads 500 runs would delay it; the first time at once."""
        if self._read_of is None:
            self._read_again()
        elif not self._will_read:
            self._will_read = True
            self.set_timer(_AFTER_KEY_S, self._read_again)

    def _read_again(self) -> None:
        self._will_read = False
        self._read_of, self._has_read_rows = self._progress(), False
        self._read({"": list(self.tem_rf.runs), **self.study_runs}, self._is_grouped)

    def _progress(self) -> list[tuple[Path, int]]:
        runs = itertools.chain(self.tem_rf.runs, *self.study_runs.values())
        return [(run.run.path, len(run.epochs)) for run in runs]

    @work(thread=True, exclusive=True, group="results", description="results")  # otherwise Textual prints all runs
    def _read(self, runs: dict[str, list[RunView]], is_grouped: bool) -> None:
        rows = read_results(runs, is_grouped=is_grouped)
        self.post_message(self.ResultsRead(rows, [cells_of(row) for row in rows]))


def _title(row: TrialResult) -> str:
    """Return the name of the run of a row, or the network of its runs."""
    return row.method if len(row.runs) > 1 else row.runs[0].run.name


def _paths(row: TrialResult) -> tuple[str, ...]:
    return tuple(str(run.run.path) for run in row.runs)
