"""`tem-rf study new`: write the definition of a study, to be edited and run."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.options import takes
from tem_rf.cli.output import print_remark
from tem_rf.errors import StudyError
from tem_rf.jobs.study import StudyRequest, define


@takes(StudyRequest)
def new(
    request: StudyRequest,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="TOML file to write; default: print the definition.")
    ] = None,
) -> None:
    """Write the definition of a study as a TOML file with a comment on every field, to be edited by hand.

    Example: tem-rf study new datasets/au-5nm datasets/au-20nm --preset fig2 --output fig2.toml

    Example: tem-rf study new datasets/au-5nm --depth 2,3 --max-field-nm 8 --strategy bayesian --budget 12
    """
    from tem_rf.files import write_text
    from tem_rf.study.definition.space import planned_runs
    from tem_rf.study.definition.text import definition_text

    if output is not None and output.exists():
        raise StudyError(f"{output}: already exists; choose another file, or remove it.")
    definition = define(request)
    planned = planned_runs(definition)
    text = definition_text(definition)
    if output is None:
        print(text, end="")
    else:
        write_text(output, text)
        print_remark(f"wrote {output}; run it with: tem-rf study run {shlex.quote(str(output))}")
    for setup, runs in planned.items():
        print_remark(f"{setup}: {runs} trainings")
