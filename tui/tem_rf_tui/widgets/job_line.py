"""One line with the running job, above the footer."""

from textual.widgets import Static

from tem_rf_tui.check_report import check_report
from tem_rf_tui.jobs import Job

BAR_WIDTH = 20


class JobLine(Static):
    """Shows the newest running job; hidden if none is running."""

    def show(self, jobs: list[Job]) -> None:
        """Show the state of the jobs."""
        running = [job for job in jobs if job.state == "running"]
        self.display = bool(running)
        if running:
            others = f" (and {len(running) - 1} more)" if len(running) > 1 else ""
            self.update(f"j Jobs  {running[0].title}{others}  {progress_text(running[0])}", layout=False)


def progress_text(job: Job) -> str:
    """Return the progress of a job: a bar if it reports a fraction, otherwise its last line."""
    if job.state != "running":
        report = check_report(job.result()) if job.state == "failed" else None
        return report.headline if report else ended_text(job)
    if job.fraction is None:
        return job.line or "started"
    filled = round(job.fraction * BAR_WIDTH)
    return f"{'█' * filled}{'░' * (BAR_WIDTH - filled)} {job.fraction:.0%}"


def ended_text(job: Job) -> str:
    """Return how a job ended."""
    return {"done": job.ending, "failed": "failed", "lost": "terminated", "running": ""}[job.state]
