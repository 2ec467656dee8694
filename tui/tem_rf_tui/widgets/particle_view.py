"""The particles of a segmented file: size histogram and table."""

import statistics

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tem_rf_tui.particles import ParticleList
from tem_rf_tui.ticks import AXIS_ROWS, even_ticks
from tem_rf_tui.widgets.colour_plot import ColourPlot
from tem_rf_tui.widgets.filter_field import FilterField
from tem_rf_tui.widgets.row_table import RowTable
from tem_rf_tui.wording import counted, has_words


class SizeHistogram(ColourPlot):
    """Histogram of particle diameters."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.plt.xaxes(True, False)
        self.plt.yaxes(True, False)
        self._diameters: tuple[float, ...] = ()

    def show(self, particles: ParticleList) -> None:
        """Draw the particles that do not touch the border."""
        self.border_title = f"equivalent diameter ({particles.unit})"
        self.border_subtitle = f"{counted(len(particles.diameters), 'particle')} not cut by an edge"
        self._diameters = particles.diameters
        self.draw()

    def draw(self) -> None:
        """Draw the bars."""
        self.plt.clear_data()
        if self._diameters:
            centres, counts, width = bins_of(self._diameters)
            self.plt.bar(centres, counts, width=0.9, color=self.colour(0))
            self.plt.xlim(centres[0] - width, centres[-1] + width)
            step = max(1, len(centres) // 5)
            ticks = [centre - width / 2 for centre in centres[::step]]
            self.plt.xticks(ticks, [f"{tick:.3g}" for tick in ticks])
            self.plt.ylim(0, max(counts))
            self.plt.yticks(count_ticks(max(counts), self.size.height - AXIS_ROWS))
        self.refresh()

    def on_resize(self) -> None:
        """Fit the ticks to the new size."""
        self.draw()


def count_ticks(largest: float, rows: int) -> list[float]:
    """Return evenly spaced whole numbers from 0 on, each on a line of its own.

    >>> count_ticks(3, rows=3), count_ticks(3, rows=12), count_ticks(40, rows=12)
    ([0, 2], [0, 1, 2, 3], [0, 10, 20, 30, 40])
    """
    return even_ticks(0, largest, max(1, min(4, rows - 1)), whole=True)


class ParticleView(Vertical):
    """Histogram above a table, which can be filtered."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._particles: ParticleList | None = None
        self._words = ""
        self.shown: list[int] = []
        """Index of the particle in each row of the table."""

    def compose(self) -> ComposeResult:
        yield Static(id="particle-summary", markup=False)
        yield SizeHistogram(id="size-histogram")
        yield FilterField("particles")
        yield RowTable(id="particles")

    def show(self, particles: ParticleList) -> None:
        """Show the particles of a file."""
        self.query_one("#particle-summary", Static).update(summary(particles))
        histogram = self.query_one(SizeHistogram)
        histogram.display = bool(particles.diameters)
        histogram.show(particles)
        self._particles = particles
        self.filter(self._words)

    def say(self, text: str) -> None:
        """Show why there are no particles."""
        self.query_one("#particle-summary", Static).update(text)
        self.query_one(SizeHistogram).display = False
        self._particles = None
        self.filter(self._words)

    def filter(self, words: str) -> None:
        """List only the particles with all these words in their row; the summary stays that of all."""
        self._words = words
        rows, columns = (self._particles.rows, self._particles.columns) if self._particles else ((), ())
        self.shown = [index for index, row in enumerate(rows) if has_words(" ".join(row), words)]
        self.query_one(RowTable).show_rows([rows[index] for index in self.shown], columns)


def summary(particles: ParticleList) -> str:
    """Return number and size of the particles in words."""
    if not particles.diameters:
        return f"{counted(particles.count, 'particle')}, all touching the border"
    mean = statistics.fmean(particles.diameters)
    spread = f" ± {statistics.stdev(particles.diameters):.2g}" if len(particles.diameters) > 1 else ""
    whole = len(particles.diameters)
    of = f" (n = {whole})" if whole == particles.count else f" (n = {whole} not cut by an edge)"
    shown = f"; the first {len(particles.rows)} are listed" if len(particles.rows) < particles.count else ""
    return f"{counted(particles.count, 'particle')}, diameter {mean:.3g}{spread} {particles.unit}{of}{shown}"


def bins_of(values: tuple[float, ...]) -> tuple[list[float], list[int], float]:
    """Return centres, counts and width of equal bins, about as many as the square root of the number of values.

    >>> bins_of((1.0, 1.2, 3.0, 5.0))
    ([2.0, 4.0], [2, 2], 2.0)
    """
    number = min(30, max(1, round(len(values) ** 0.5)))
    low, high = min(values), max(values)
    width = (high - low) / number or max(abs(low), 1.0) / 10
    counts = [0] * number
    for value in values:
        counts[min(number - 1, int((value - low) / width))] += 1
    return [low + (index + 0.5) * width for index in range(number)], counts, width
