"""`tem-rf study new`: write the definition of a study, to be read, changed and run."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from tem_rf.cli.output import print_remark
from tem_rf.cli.rf.text import whole_numbers
from tem_rf.errors import StudyError


def new(
    datasets: Annotated[list[Path], typer.Argument(help="Prepared dataset folders.")],
    preset: Annotated[str | None, typer.Option(help="A figure of the published study: fig2, fig3, fig4.")] = None,
    network: Annotated[str | None, typer.Option(help="Networks by name, commas between: n2-p22,n2-p44.")] = None,
    depth: Annotated[str | None, typer.Option(help="Depths, commas between.")] = None,
    poolings: Annotated[str | None, typer.Option(help="Sizes that each level may pool by, commas between.")] = None,
    dilations: Annotated[str | None, typer.Option(help="Dilations of all blocks, commas between.")] = None,
    min_field_px: Annotated[float | None, typer.Option(help="Least receptive field in px.")] = None,
    max_field_px: Annotated[float | None, typer.Option(help="Greatest receptive field in px.")] = None,
    min_field_nm: Annotated[float | None, typer.Option(help="Least receptive field in nm.")] = None,
    max_field_nm: Annotated[float | None, typer.Option(help="Greatest receptive field in nm.")] = None,
    strategy: Annotated[str | None, typer.Option(help="grid, random, bayesian or hyperband.")] = None,
    budget: Annotated[int | None, typer.Option(help="Networks to try per dataset; default: all.")] = None,
    seed: Annotated[str | None, typer.Option(help="Seeds of the trainings, commas between.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Recipe of the trainings.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of a training.")] = None,
    workers: Annotated[int | None, typer.Option(help="Trainings at once; default: one per GPU.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; default: print it.")] = None,
) -> None:
    """Write the definition of a study as TOML, with a word on every field; change it by hand as you like.

    Example: tem-rf study new datasets/au-5nm datasets/au-20nm --preset fig2 --output fig2.toml

    Example: tem-rf study new datasets/au-5nm --depth 2,3 --max-field-nm 8 --strategy bayesian --budget 12
    """
    from tem_rf.files import write_text
    from tem_rf.study.definition.definition import define_study
    from tem_rf.study.definition.presets import preset_definition
    from tem_rf.study.definition.text import definition_text
    from tem_rf.study.summary import planned_runs

    if output is not None and output.exists():
        raise StudyError(f"{output}: exists already; choose another file, or remove it.")
    content: dict[str, Any] = {"datasets": [str(dataset.resolve()) for dataset in datasets]}
    if preset is not None:
        content = preset_definition(preset, [dataset.resolve() for dataset in datasets]).model_dump(exclude_unset=True)
        (content["training"],) = content["training"]
    sections: dict[str, dict[str, Any]] = {
        "space": {
            "networks": network.split(",") if network else [] if depth or poolings or dilations else None,
            "depths": depth and whole_numbers("--depth", depth),
            "poolings": poolings and whole_numbers("--poolings", poolings),
            "dilations": dilations and whole_numbers("--dilations", dilations),
            "min_field_px": min_field_px,
            "max_field_px": max_field_px,
            "min_field_nm": min_field_nm,
            "max_field_nm": max_field_nm,
        },
        "strategy": {"name": strategy, "budget": budget},
        "training": {"recipe": recipe, "epochs": epochs},
        "execution": {"workers": workers},
    }
    for section, options in sections.items():
        given = {field: value for field, value in options.items() if value is not None}
        content[section] = {**content.get(section, {}), **given}
    if seed is not None:
        content["seeds"] = whole_numbers("--seed", seed)
    definition = define_study(content)
    planned = planned_runs(definition)
    text = definition_text(definition)
    if output is None:
        print(text, end="")
    else:
        write_text(output, text)
        print_remark(f"wrote {output}; run it with: tem-rf study run {shlex.quote(str(output))}")
    for setup, runs in planned.items():
        print_remark(f"{setup}: {runs} trainings")
