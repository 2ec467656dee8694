"""A plot in colours that contrast with the background of the theme."""

from textual_plotext import PlotextPlot

# Okabe and Ito's colours, which colour-blind people can distinguish; darker ones for a light background.
_ON_DARK = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0))
_ON_LIGHT = ((0, 90, 150), (170, 80, 0), (0, 105, 75), (150, 50, 110), (105, 95, 0), (160, 45, 0))
COLOURS = len(_ON_DARK)


class ColourPlot(PlotextPlot):
    """Redraws itself when the theme changes."""

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.draw())

    def draw(self) -> None:
        """Draw the data."""
        raise NotImplementedError

    def colour(self, place: int) -> tuple[int, int, int]:
        """Return one of the colours, as red, green and blue."""
        return (_ON_DARK if self.app.current_theme.dark else _ON_LIGHT)[place]
