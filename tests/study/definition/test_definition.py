"""Definitions are pleasant to write by hand, and what is wrong with one is said in one line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tem_rf.errors import StudyError
from tem_rf.study.definition.definition import define_study, read_definition
from tem_rf.study.definition.text import definition_text

SMALL = """
datasets = ["au-5nm"]

[space]
depths = [2]

[training]
epochs = 20
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_small_file_is_enough_and_paths_are_seen_from_it(tmp_path: Path) -> None:
    definition = read_definition(written(tmp_path, SMALL))
    assert definition.datasets == (tmp_path / "au-5nm",)
    assert definition.space.poolings == (2, 4, 8)
    assert [training.epochs for training in definition.training] == [20]
    assert definition.strategy.name == "grid"


def test_recipes_bring_their_augmentation_if_they_agree() -> None:
    assert define_study({"datasets": ["a"]}).augmentation.is_off
    assert define_study({"datasets": ["a"], "training": {"recipe": "robust"}}).augmentation.noise_sd == 1.75
    both = {"datasets": ["a"], "training": [{"recipe": "robust"}, {"recipe": "best"}]}
    with pytest.raises(StudyError, match=r"best, robust differ in their augmentation; add a table \[augmentation\]"):
        define_study(both)
    assert define_study({**both, "augmentation": {"noise_sd": 0.5}}).augmentation.noise_sd == 0.5


def test_every_dataset_under_every_recipe_is_a_part_of_its_own() -> None:
    definition = define_study({"datasets": ["a/au 5nm", "b/au-2nm"], "training": [{}, {"batch_size": 16}]})
    assert [setup.name for setup in definition.setups()] == [
        "au-5nm-best",
        "au-5nm-best-2",
        "au-2nm-best",
        "au-2nm-best-2",
    ]


text = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=8)


@settings(max_examples=50, deadline=None)
@given(
    datasets=st.lists(text.map(lambda name: f"/data/{name}/au"), min_size=1, max_size=1),
    seeds=st.lists(st.integers(0, 10**9), min_size=1, max_size=4, unique=True),
    parts=st.lists(text, max_size=3),
    least=st.none() | st.floats(0, 1e6),
    dilations=st.lists(st.integers(1, 9) | st.lists(st.integers(1, 9), min_size=2, max_size=3), max_size=3),
    slurm=st.none() | st.dictionaries(text, text | st.integers(0, 9) | st.booleans() | st.lists(text, max_size=2)),
)
def test_what_is_written_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    datasets: Any,
    seeds: Any,
    parts: Any,
    least: Any,
    dilations: Any,
    slurm: Any,
) -> None:
    space = {"parts": parts, "min_field_px": least, "dilations": dilations}
    content = {"datasets": datasets, "seeds": seeds, "space": space, "execution": {"slurm": slurm}}
    definition = define_study(content)
    path = written(tmp_path_factory.getbasetemp(), definition_text(definition))
    assert read_definition(path).model_copy(update={"datasets": definition.datasets}) == definition


def test_every_field_has_a_word_of_explanation_before_it() -> None:
    lines = definition_text(define_study({"datasets": ["/au"]})).splitlines()
    fields = [index for index, line in enumerate(lines) if "=" in line and line.lstrip("#")[:1].isalpha()]
    assert len(fields) > 30
    assert [lines[index] for index in fields if not lines[index - 1].startswith("# ")] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seeds = [1]", "datasets: is missing."),
        ("datasets = []", "datasets: expected at least one, received []."),
        ('datasets = "au"', "datasets: expected a list, received 'au'."),
        ('datasets = ["a", "x/a"]', "datasets: two folders are named a; rename one"),
        (SMALL + "seed = 3", "training.0.seed: no such field; did you mean strategy.seed or seeds?"),
        (SMALL.replace("depths", "depth"), "space.depth: no such field; did you mean space.depths?"),
        (SMALL.replace("20", "0"), "training.0.epochs: input should be greater than or equal to 1, received 0."),
        (SMALL + 'recipe = "papre"', "training: recipe: expected one of best, finetune, paper, robust"),
        (SMALL + 'recipe = ["best"]', "training: recipe: expected one of best, finetune, paper, robust, received"),
        (SMALL + "learning_rate = inf", "training.0.learning_rate: input should be a finite number, received inf."),
        ('datasets = ["a"]\nseeds = [4294967296]', "seeds.0: input should be less than 4294967296"),
        (SMALL + '[strategy]\nname = "best"', "strategy.name: input should be 'grid', 'random', 'bayesian'"),
        (SMALL + "[space2]", "space2: no such field; did you mean space?"),
        (SMALL + "[space]", "is not valid TOML: Cannot declare ('space',) twice"),
        (
            SMALL + '[execution]\nscheduler = "tcp://a:1"\nslurm = {}',
            "execution: scheduler and slurm exclude each other; keep only one.",
        ),
        ('datasets = ["a"]\nseeds = [1, 1]', "seeds: the same value is given twice."),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_file_and_field(content: Any, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(StudyError) as caught:
        read_definition(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for path, message in ((tmp_path / "absent.toml", "no such file"), (tmp_path / "binary.toml", "is not valid TOML")):
        with pytest.raises(StudyError, match=message):
            read_definition(path)


def test_execution_elsewhere_replaces_where_it_was_executed_before() -> None:
    definition = define_study({"datasets": ["/au"], "execution": {"retries": 5, "slurm": {"queue": "gpu"}}})
    moved = definition.executed(scheduler="tls://node7:8786", workers=3).execution
    assert (moved.scheduler, moved.slurm, moved.retries, moved.workers) == ("tls://node7:8786", None, 5, 3)
    assert definition.executed(workers=3).execution.slurm == {"queue": "gpu"}
    with pytest.raises(StudyError, match=r"execution.workers: input should be greater"):
        definition.executed(workers=0)
