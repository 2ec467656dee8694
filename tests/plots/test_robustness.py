"""Where a model may be used is drawn with the conditions of its training marked."""

import numpy as np
from matplotlib.patches import Rectangle

from tem_rf.plots.robustness import draw_robustness
from tem_rf.trust.record import DiceMap

PLAIN = DiceMap(
    rows="defocus [nm]",
    columns="dose [e/Å²]",
    row_values=(20, 1625),
    column_values=(5, 50, 500),
    dice=((0.2, 0.9, 0.95), (0.1, None, 0.8)),
    images=3,
)


def test_the_conditions_of_the_training_have_a_frame() -> None:
    figure = draw_robustness([("tried", [PLAIN.model_copy(update={"usual": (1, 2)})]), ("unknown", [PLAIN])])
    marked, plain, *_ = figure.axes
    (frame,) = (one for one in marked.patches if isinstance(one, Rectangle))
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((1.5, 0.5), 1, 1)
    assert not plain.patches
    assert ["frame" in axes.get_title() for axes in (marked, plain)] == [True, False]


def test_every_place_has_its_dice_its_units_and_a_colour_scale() -> None:
    figure = draw_robustness([("tried", [PLAIN])])
    axes, scale = figure.axes
    assert [one.get_text() for one in axes.texts] == ["0.20", "0.90", "0.95", "0.10", "–", "0.80"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("dose [e/Å²]", "defocus [nm]")
    assert [one.get_text() for one in axes.get_yticklabels()] == ["20", "1625"]
    assert scale.get_ylabel() == "mean dice"
    poor, good = axes.images[0].to_rgba(np.array([[0.69, 0.71]]))[0]
    assert poor[0] > poor[2]
    assert good[2] > good[0]
