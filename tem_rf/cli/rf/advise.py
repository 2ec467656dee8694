"""`tem-rf rf advise`: recommend a range of receptive fields to search for a dataset."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import JsonFlag, print_json
from tem_rf.cli.rf.text import whole_numbers

_BASES = {"measured": "measured here", "study": "finding of the study", "rule": "rule of thumb"}


def advise(
    dataset: Annotated[Path, typer.Argument(help="Folder of a prepared dataset.")],
    runs: Annotated[
        Path | None,
        typer.Option(help="Folder of the runs; finished runs on the dataset serve as evidence. Default: runs."),
    ] = None,
    particle_nm: Annotated[
        float | None, typer.Option(min=1e-3, help="Particle diameter in nm; default: measured.")
    ] = None,
    depth: Annotated[str, typer.Option(help="Depths of the architectures to list.")] = "2,3,4",
    as_json: JsonFlag = False,
) -> None:
    """Recommend a range of receptive fields to search for a dataset, and give the reasons.

    Each reason is marked as measured on this dataset, a finding of the study on its own data, or a rule of thumb.

    Example: tem-rf rf advise datasets/au-5nm
    """
    from tem_rf.architecture.advice import advise as advise_on
    from tem_rf.architecture.design import enumerate_architectures
    from tem_rf.data.prepared import open_dataset
    from tem_rf.errors import SettingsError
    from tem_rf.evaluation.evidence import gather_evidence
    from tem_rf.runs.root import DEFAULT_ROOT, list_runs

    evidence = gather_evidence(open_dataset(dataset), list_runs(runs or DEFAULT_ROOT))
    if particle_nm is not None:
        if evidence.pixel_size_nm is None:
            raise SettingsError(f"--particle-nm: {dataset} has no pixel size; prepare it again with --pixel-size-nm.")
        evidence = replace(evidence, diameter_px=particle_nm / evidence.pixel_size_nm)
    advice = advise_on(evidence)
    depths = whole_numbers("--depth", depth)
    names = [
        each.name
        for each in enumerate_architectures(depths, max_px=advice.high_px)
        if each.receptive_field.size_px and each.receptive_field.size_px.mean >= advice.low_px
    ]
    pixel_size_nm = evidence.pixel_size_nm
    if as_json:
        print_json(
            {
                "dataset": str(dataset),
                "low_px": advice.low_px,
                "high_px": advice.high_px,
                "low_nm": pixel_size_nm and advice.low_px * pixel_size_nm,
                "high_nm": pixel_size_nm and advice.high_px * pixel_size_nm,
                "architectures": names,
                "statements": [asdict(statement) for statement in advice.statements],
            }
        )
        return
    low_nm, high_nm = (side_px * (pixel_size_nm or 0) for side_px in (advice.low_px, advice.high_px))
    in_nm = f" ({low_nm:.3g} to {high_nm:.3g} nm)" if pixel_size_nm else ""
    print(f"Search receptive fields of {advice.low_px} to {advice.high_px} px{in_nm}, because:")
    for statement in advice.statements:
        print(f"- [{_BASES[statement.basis]}] {statement.text}")
    print(f"Architectures of the study in this range: {', '.join(names) or 'none; see tem-rf rf --list'}")
