"""The formats in which particles are written for other programs."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

from tem_rf.errors import ModelError, SettingsError


@dataclass(frozen=True)
class ParticleFormat:
    """One format.

    Attributes:
        name: Its name for users.
        ending: What its file has after the stem of the micrograph.
        content: What it holds, and for which programs.
        takes_stacks: Whether it can hold the particles of several frames.
        package: Package required in addition to the dependencies of tem-rf.
    """

    name: str
    ending: str
    content: str
    takes_stacks: bool = True
    package: str = ""


FORMATS = {
    one.name: one
    for one in (
        ParticleFormat("numbered", "_numbered.png", "the overlay with the number of each particle, of the first frame"),
        ParticleFormat("rois", "_rois.zip", "regions for the ROI Manager of ImageJ and Fiji, exact to the pixel"),
        ParticleFormat("geojson", "_instances.geojson", "polygons for QuPath, exact to the pixel"),
        ParticleFormat("coco", "_coco.json", "COCO annotations with run lengths, exact to the pixel"),
        ParticleFormat("labelme", "_labelme.json", "polygons and masks for LabelMe, for single images", False),
        ParticleFormat("excel", "_particles.xlsx", "a workbook with the sheets particles, images and summary"),
        ParticleFormat("parquet", "_particles.parquet", "the table for pandas, polars, R or DuckDB", package="pyarrow"),
    )
}


def particle_formats(names: Iterable[str]) -> list[ParticleFormat]:
    """Find formats by name, each once, in the order of `FORMATS`.

    Raises:
        SettingsError: A name is unknown.
        ModelError: A package that a format needs is not installed.
    """
    wanted = {name.lower() for name in names}
    for name in sorted(wanted - FORMATS.keys()):
        raise SettingsError(f"`write`: expected formats among {', '.join(FORMATS)}, received {name!r}.")
    chosen = [one for one in FORMATS.values() if one.name in wanted]
    for one in chosen:
        if one.package and find_spec(one.package) is None:
            raise ModelError(f"`write`: {one.name} needs the package {one.package}; run: pip install 'tem-rf[tables]'")
    return chosen
