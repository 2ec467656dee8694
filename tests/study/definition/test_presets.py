"""The figures of the published study, as definitions."""

from pathlib import Path
from typing import Any

import pytest

from tem_rf.config.training import STUDY_SEEDS, training_settings
from tem_rf.data.manifest import Manifest
from tem_rf.errors import StudyError
from tem_rf.study.definition.presets import PRESETS, preset_definition
from tem_rf.study.definition.space import candidates

NINE = ["n2-p22", "n2-p24", "n2-p28", "n2-p42", "n2-p44", "n2-p48", "n2-p82", "n2-p84", "n2-p88"]


def names(preset: str, manifest: Manifest) -> list[str]:
    return [each.name for each in candidates(preset_definition(preset, [Path("au")]).space, manifest)]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_train_as_published(preset: Any) -> None:
    definition = preset_definition(preset, [Path("au-5nm"), Path("au-20nm")])
    assert (definition.seeds, definition.training) == (STUDY_SEEDS, (training_settings("paper"),))
    assert (definition.strategy.name, definition.strategy.budget) == ("grid", None)
    assert [setup.name for setup in definition.setups()] == ["au-5nm-paper", "au-20nm-paper"]


def test_figure_2_tells_receptive_field_from_depth(manifest: Manifest) -> None:
    found = candidates(preset_definition("fig2", [Path("au")]).space, manifest)
    assert [sum(each.depth == depth for each in found) for depth in (2, 3, 4)] == [9, 14, 7]
    assert [each.name for each in found if each.depth == 2] == NINE


def test_figure_3_has_the_nine_networks_of_depth_2(manifest: Manifest) -> None:
    assert names("fig3", manifest) == NINE


def test_figure_4_sets_dilation_beside_pooling(manifest: Manifest) -> None:
    found = candidates(preset_definition("fig4", [Path("au")]).space, manifest)
    assert {each.depth for each in found} == {2}
    dilated = [each for each in found if max(each.dilation_sequence) > 1]
    assert {each.pooling_sequence for each in dilated} == {(2, 2)}
    assert len(dilated) == 7


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(StudyError, match="expected one of fig2, fig3, fig4, received 'fig9'"):
        preset_definition("fig9", [Path("au")])
