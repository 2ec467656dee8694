"""The part of the app that follows runs, studies, jobs and the load of the machine, and says what has ended."""

import gc
import os
import signal
import sys
import threading
import time
from pathlib import Path

from textual import work
from textual.events import Event, Key
from textual.notifications import SeverityLevel
from textual.worker import get_current_worker

from tem_rf.runs.load import LoadReader
from tem_rf.runs.view import RunTracker, RunView
from tem_rf_tui.announcements import AlarmWatch, EndingWatch
from tem_rf_tui.check_report import check_report
from tem_rf_tui.garbage import GarbageInPauses
from tem_rf_tui.images import ImageKind, tmux_hint
from tem_rf_tui.jobs import Job
from tem_rf_tui.messages import Ended, JobsChanged, LoadRead, RunsChanged
from tem_rf_tui.screens.base import WIDE
from tem_rf_tui.screens.jobs import JobsScreen
from tem_rf_tui.screens.machine import MachineScreen
from tem_rf_tui.screens.report import ReportScreen
from tem_rf_tui.tabs import TabbedApp
from tem_rf_tui.widgets.job_line import JobLine, ended_text
from tem_rf_tui.widgets.machine_line import MachineLine

WATCH_INTERVAL_S = 0.5
_SHOWN_ENDINGS = 3
_POLLS_PER_SEARCH = 4  # every two seconds also ended and new runs, and studies; in between the live runs only
LOAD_INTERVAL_S = 2.0
_SWITCH_INTERVAL_S = 0.0005  # of threads; Python's 5 ms is what a key would wait, several times, for one that computes
STDIN = 0
HUNG_UP = 128 + getattr(signal, "SIGHUP", 1)  # Windows has no such signal


class FollowingApp(TabbedApp):
    """Threads look for news and post messages; the handlers show them.

    Args:
        folder: The working folder, with `runs/`, `datasets/` and `saved_models/` as the commands create them.
        images: How pictures are drawn, as prepared by `tem_rf_tui.images.image_kind`.
    """

    def __init__(self, folder: Path, images: ImageKind = "blocks") -> None:
        super().__init__(folder, images)
        self._has_terminal = os.isatty(STDIN)  # before the first paint, after which the terminal may vanish
        self._garbage: GarbageInPauses | None = None
        self._ended: set[Path] | None = None  # None: jobs that ended in an earlier session are not reported

    def follow(self) -> None:
        """Start to look for news."""
        if not self.is_headless:  # what follows is for the whole process
            sys.setswitchinterval(_SWITCH_INTERVAL_S)
            self._garbage = GarbageInPauses(self)
            self._look_at_tmux()
        self._watch()
        # Not with the runs, and nothing that is waited for at the end: the driver of a sick GPU may never answer.
        threading.Thread(target=self._read_load, daemon=True).start()

    async def on_event(self, event: Event) -> None:
        """Collect garbage after keys."""
        await super().on_event(event)
        if self._garbage is not None and isinstance(event, Key):
            self._garbage.note_key()

    def on_runs_changed(self, message: RunsChanged) -> None:
        """Show the changed runs."""
        self.runs, self.has_read_runs = message.runs, True
        if not self.screen_stack:  # the app is closing
            return
        screen = self.open_screen()
        if screen is not None:
            screen.show_runs()

    def on_jobs_changed(self, message: JobsChanged) -> None:
        """Show the progress of jobs, and report those that ended."""
        self.jobs, self.has_read_jobs = message.jobs, True
        if not self.screen_stack:
            return
        for line in self.screen_stack[0].query(JobLine):  # none while the app is closing
            line.show(message.jobs)
        if isinstance(self.screen, JobsScreen):
            self.screen.show(message.jobs)
        before, self._ended = self._ended, {job.folder for job in message.jobs if job.state != "running"}
        for job in message.jobs:
            if before is not None and job.folder in self._ended - before:
                self._tell(job)
                self.announce(f"{job.title}: {ended_text(job)}")
        screen = self.open_screen()
        if screen is not None:
            screen.show_jobs()
            if self._ended - (before or set()):  # also those that the open screen was drawn without
                screen.show_ended_job()

    def on_ended(self, message: Ended) -> None:
        """Report runs and studies that have ended, several of them on one line."""
        endings = message.endings
        bad = [ending for ending in endings if ending.is_bad]
        shown = sorted(endings, key=lambda ending: not ending.is_bad)[:_SHOWN_ENDINGS]
        more = len(endings) - len(shown)
        text = "; ".join(ending.text for ending in shown) + (f"; and {more} more" if more else "")
        self.notify(text, severity="error" if bad else "information", timeout=20 if bad else 10)
        self.announce(text)

    def on_load_read(self, message: LoadRead) -> None:
        """Show the load of the machine."""
        self.loads.append(message.load)
        if not self.screen_stack:
            return
        for line in self.screen_stack[0].query(MachineLine):
            line.show(message.load, is_wide=self.size.width >= WIDE)
        if isinstance(self.screen, MachineScreen):
            self.screen.show(self.loads)
        screen = self.open_screen()
        if screen is not None:
            screen.show_load()

    def _tell(self, job: Job) -> None:
        if report := check_report(job.result()):
            if len(self.screen_stack) == 1:
                self.push_screen(ReportScreen(f"{job.title}: {report.headline}", report.lines))
            else:  # the user is busy in a dialog
                severity: SeverityLevel = "information" if report.is_clean else "warning"
                self.notify(
                    f"{job.title}: {report.headline}. Press {{app.jobs}} to read the report.", severity=severity
                )
        elif job.state == "done":
            self.notify(f"{job.title}: {ended_text(job)}")
        else:
            why = next(reversed([*job.report, *job.messages]), "no output").removeprefix("tem-rf: ")
            self.notify(
                f"{job.title}: {ended_text(job)}: {why.rstrip('.')}. Press {{app.jobs}} to see its output.",
                severity="error",
                timeout=20,
            )

    def _read_load(self) -> None:
        reader = LoadReader()
        while self.is_running:
            self.post_message(LoadRead(reader.read()))
            time.sleep(LOAD_INTERVAL_S)

    @work(thread=True, group="tmux", description="ask tmux")
    def _look_at_tmux(self) -> None:
        if hint := tmux_hint(os.environ):
            self.call_from_thread(self.notify, hint, severity="warning", timeout=20)

    @work(thread=True, group="watch")
    def _watch(self) -> None:
        """Check runs and jobs twice a second, and post messages with the changes."""
        from tem_rf.study.view import StudyTracker  # takes 0.2 s, after the first paint

        worker, tracker = get_current_worker(), RunTracker(self.workspace.runs)
        runs: list[RunView] | None = None
        jobs: list[Job] | None = None
        self.board.forget_old()
        studies, endings, alarms = StudyTracker(self.workspace.studies), EndingWatch(), AlarmWatch()
        polls = 0
        while not worker.is_cancelled:
            runs_now = tracker.poll(only_live=polls % _POLLS_PER_SEARCH != 0)
            jobs_now = self.board.poll()
            if runs is None:
                gc.freeze()  # the events of 500 runs are 200,000 objects: each full garbage collection would take 0.1 s
            if runs_now != runs:
                runs = runs_now
                self.post_message(RunsChanged(runs))
            if jobs_now != jobs:
                jobs = jobs_now
                self.post_message(JobsChanged(jobs))
                if rung := alarms.news(jobs):
                    self.post_message(Ended(rung))
            if polls % _POLLS_PER_SEARCH == 0 and (news := endings.news(runs, studies.poll(None))):
                self.post_message(Ended(news))
            polls += 1
            if self._has_terminal and not self.is_headless and not os.isatty(STDIN):
                os._exit(HUNG_UP)  # the terminal is gone, and we missed its signal; there is nothing to restore
            time.sleep(WATCH_INTERVAL_S)
