"""`tem-rf rf`: receptive fields of networks in pixels and nanometres, and networks of a given receptive field."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tem_rf.architecture import Architecture
from tem_rf.architecture.design import describe, enumerate_architectures, nearest_per_depth
from tem_rf.architecture.layers import layers
from tem_rf.cli.option_names import OptionNamingGroup
from tem_rf.cli.output import JsonFlag, print_json, print_remark
from tem_rf.cli.rf.advise import advise
from tem_rf.cli.rf.effective import effective
from tem_rf.cli.rf.text import Yardsticks, print_architecture, print_csv, print_list, remarks, whole_numbers
from tem_rf.errors import SettingsError


class _ShowByDefault(OptionNamingGroup):
    """`tem-rf rf n2-p88` is short for `tem-rf rf show n2-p88`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["show", *args]
        return super().parse_args(ctx, args)


rf = typer.Typer(
    cls=_ShowByDefault,
    add_completion=False,
    no_args_is_help=True,
    help="Receptive fields: `tem-rf rf n2-p88`, `tem-rf rf --list`; for all options see `tem-rf rf show --help`.",
)
rf.command()(effective)
rf.command()(advise)


@rf.command()
def show(
    architecture: Annotated[
        str | None, typer.Argument(help="Architecture name, such as n2-p88 or n2-p22-d124-smooth.")
    ] = None,
    pixel_size_nm: Annotated[
        float | None, typer.Option(min=1e-6, help="Pixel size in nm; default: read from --micrograph.")
    ] = None,
    particle_nm: Annotated[float | None, typer.Option(min=1e-3, help="Particle diameter in nm.")] = None,
    lattice_spacing_nm: Annotated[
        float, typer.Option(min=1e-3, help="Lattice spacing in nm; the default is Au {111}.")
    ] = 0.2355,
    patch_size: Annotated[int, typer.Option(min=1, help="Side of a training patch in px.")] = 512,
    list_all: Annotated[bool, typer.Option("--list", help="List all architectures of the study.")] = False,
    match: Annotated[
        float | None, typer.Option(min=0, help="Find the receptive field closest to this size in nm, for each depth.")
    ] = None,
    depth: Annotated[str, typer.Option(help="Depths for --list and --match.")] = "2,3,4",
    poolings: Annotated[str, typer.Option(help="Pooling sizes for --list and --match.")] = "2,4,8",
    parts: Annotated[
        str, typer.Option(help="Name parts shared by all listed architectures, such as k5-average-bilinear.")
    ] = "",
    max_px: Annotated[
        float | None, typer.Option(min=1, help="List only receptive fields of at most this mean width in px.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write a PNG of the architecture and its receptive field.")
    ] = None,
    micrograph: Annotated[
        Path | None, typer.Option(help="Micrograph to draw the receptive field on, in --picture.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the exact receptive field of a network, or list the networks of a given receptive field.

    Example: tem-rf rf n2-p88 --pixel-size-nm 0.02152 --particle-nm 5

    Example: tem-rf rf --list --depth 2,3,4 --max-px 512 --csv

    Example: tem-rf rf --match 2.6 --pixel-size-nm 0.02152
    """
    asked = [architecture is not None, list_all, match is not None]
    if sum(asked) != 1:
        raise SettingsError(
            "rf: give exactly one of an architecture (such as n2-p88), --list and --match; see tem-rf rf show --help."
        )
    if micrograph is not None and picture is None:
        raise SettingsError("--micrograph: is only used with --picture FILE.png; give both.")
    yardsticks = Yardsticks(pixel_size_nm, particle_nm, lattice_spacing_nm)
    if architecture is not None:
        chosen = Architecture.from_name(architecture)
        _show(chosen, yardsticks, patch_size, as_csv=as_csv, as_json=as_json)
        if picture is not None:
            _draw(chosen, yardsticks, picture, micrograph)
        return
    if picture is not None:
        raise SettingsError("--picture: draws a single architecture; for example tem-rf rf n2-p88 --picture field.png.")
    listed = enumerate_architectures(
        whole_numbers("--depth", depth), poolings=whole_numbers("--poolings", poolings), parts=parts, max_px=max_px
    )
    title = f"{len(listed)} architectures"
    if match is not None:
        if pixel_size_nm is None:
            raise SettingsError("--match: a receptive field in nm needs --pixel-size-nm.")
        listed = nearest_per_depth(listed, match / pixel_size_nm)
        title = f"Closest to {match:g} nm ({match / pixel_size_nm:.1f} px)"
    records = [describe(each, patch_size=patch_size, pixel_size_nm=pixel_size_nm) for each in listed]
    if as_json:
        print_json({"architectures": records})
    elif as_csv:
        print_csv(records)
    else:
        print_list(title, records)


def _show(chosen: Architecture, yardsticks: Yardsticks, patch_size: int, *, as_csv: bool, as_json: bool) -> None:
    record = describe(chosen, patch_size=patch_size, pixel_size_nm=yardsticks.pixel_size_nm)
    notes = remarks(chosen, patch_size)
    if as_json:
        print_json({**record, "remarks": notes, "layers": _layer_records(chosen)})
        return
    if as_csv:
        print_csv([record])
    else:
        print_architecture(chosen, record, yardsticks)
    for note in notes:
        print_remark(f"{chosen.name}: {note}")


def _layer_records(architecture: Architecture) -> list[dict[str, Any]]:
    fields = ("name", "kind", "size", "dilation", "jump_px", "filters", "parameters", "growth_px")
    return [{field: getattr(layer, field) for field in fields} for layer in layers(architecture)]


def _draw(chosen: Architecture, yardsticks: Yardsticks, picture: Path, micrograph_path: Path | None) -> None:
    from tem_rf.data.readers import read_micrograph
    from tem_rf.plots.receptive_field import write_field_picture

    micrograph = micrograph_path and read_micrograph(micrograph_path, pixel_size_nm=yardsticks.pixel_size_nm)
    write_field_picture(
        picture,
        chosen,
        micrograph.pixels if micrograph else None,
        pixel_size_nm=micrograph.pixel_size_nm if micrograph else yardsticks.pixel_size_nm,
        particle_nm=yardsticks.particle_nm,
    )
    print_remark(f"wrote {picture}")
