"""Runs that are kept: their names, notes and tags, their place in the queue, their archive and deletion."""

from tem_rf.errors import TemRfError
from tem_rf.jobs import keep_runs
from tem_rf.jobs.queue import TrainingQueue
from tem_rf.runs import RunFolder
from tem_rf.runs.notes import write_notes
from tem_rf.runs.view import RunView
from tem_rf_tui.screens.about_run import AboutRun, AboutRunScreen, QuestionScreen
from tem_rf_tui.screens.study_runs import StudyRunsScreen
from tem_rf_tui.widgets.run_table import RunTable
from tem_rf_tui.wording import counted

_SHOWN_NAMES = 5


class RunKeepingScreen(StudyRunsScreen):
    """Base of the screen with the table of runs."""

    def select_later(self, run: str) -> None:
        """Select a run when it first appears."""
        raise NotImplementedError

    def show_detail(self) -> None:
        """Show the run under the cursor."""
        raise NotImplementedError

    def action_about(self) -> None:
        """Ask for name, note and tags."""
        run = self.chosen()
        if run is None:
            return

        def save(about: AboutRun | None) -> None:
            if about is None:
                return
            try:
                write_notes(run.run, note=about.note, tags=about.tags)
                if about.name != run.run.name and self.own() is not None:
                    self.select_later(keep_runs.rename_run(run.run, about.name).name)
            except (TemRfError, OSError) as error:
                self.notify(str(error), severity="error", timeout=20)

        self.app.push_screen(AboutRunScreen(run), save)

    def action_archive(self) -> None:
        """Archive the run, or the marked runs."""
        runs = self._marked_or_chosen()
        if not self._are_own(runs):
            return
        try:
            keep_runs.archive_runs(runs)
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="error", timeout=20)
            return
        if runs:
            command = f"tem-rf runs restore {' '.join(run.name for run in runs)}"
            self.notify(f"{counted(len(runs), 'run')} archived; `{command}` brings them back", timeout=10)

    def action_delete(self) -> None:
        """Delete the run, or the marked runs, after asking."""
        runs = self._marked_or_chosen()
        if not runs or not self._are_own(runs):
            return
        try:
            keep_runs.check_can_be_deleted(runs)
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="warning", timeout=10)
            return

        def delete(is_meant: bool | None) -> None:
            if not is_meant:
                return
            try:
                keep_runs.delete_runs(runs)
                self.notify(f"{counted(len(runs), 'run')} deleted")
            except (TemRfError, OSError) as error:
                self.notify(str(error), severity="error", timeout=20)

        names = ", ".join(run.name for run in runs[:_SHOWN_NAMES])
        more = f" and {len(runs) - _SHOWN_NAMES} more" if len(runs) > _SHOWN_NAMES else ""
        question = f"Delete {names}{more} with networks, scores and masks? This cannot be undone."
        self.app.push_screen(QuestionScreen(question), delete)

    def action_queue(self, by: int) -> None:
        """Move a waiting run in the queue."""
        run = self.own()
        if run is None:
            return
        try:
            queue = TrainingQueue.of(run.run.path.parent)
            names = [entry.run for entry in queue.read().waiting]
            if run.run.name not in names:
                self.notify(f"{run.run.name}: is not waiting in the queue.", severity="warning")
                return
            queue.move(run.run.name, max(1, names.index(run.run.name) + 1 + by))
        except (TemRfError, OSError) as error:
            self.notify(str(error), severity="warning", timeout=10)
        self.show_detail()

    def queue_text(self, run: RunView | None) -> str:
        """Return the position of a waiting run in the queue; empty if it is not waiting."""
        if run is None or run.state != "queued":
            return ""
        try:
            names = [entry.run for entry in TrainingQueue.of(run.run.path.parent).read().waiting]
        except (TemRfError, OSError):
            return ""
        if run.run.name not in names:
            return ""
        keys = "; {train.earlier} and {train.later} move it" if len(names) > 1 else ""
        return f"position {names.index(run.run.name) + 1} of {len(names)}{keys}"

    def _marked_or_chosen(self) -> list[RunFolder]:
        marked = self.query_one(RunTable).marked
        if marked:
            return [run.run for run in marked]
        run = self.chosen()
        return [run.run] if run else []

    def own(self) -> RunView | None:
        """Return the run under the cursor, unless it belongs to a study, whose driver starts and stops its runs."""
        run = self.chosen()
        return run if run is not None and self._are_own([run.run]) else None

    def _are_own(self, runs: list[RunFolder]) -> bool:
        """Whether no run belongs to a study; otherwise say so."""
        table = self.query_one(RunTable)
        study, name = next(((study, run.name) for run in runs if (study := table.study_of(run))), ("", ""))
        if study:
            self.notify(
                f"{name}: belongs to the study {study}; press {{app.search}} to stop or resume the study.",
                severity="warning",
            )
        return not study

    def chosen(self) -> RunView | None:
        run = self.query_one(RunTable).chosen
        if run is None:
            self.notify("No runs yet; press {train.new} to set up a training.", severity="warning")
        return run
