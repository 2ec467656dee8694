"""Content of `rdf.yaml` and documentation of a bioimage.io package, built with the classes of bioimageio.spec."""

import getpass
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tem_rf.data.preprocess import BLOCK_PERCENTILES, BLOCK_PX, PERCENTILES
from tem_rf.exporting.portable import ONNX_OPSET
from tem_rf.inference.card import ModelCard


def documentation(card: ModelCard) -> str:
    """Return the text of README.md, in Markdown."""
    return "\n\n".join(
        [f"# {card.name}", _purpose(card), _input_section(card), _output_section(), _training(card), _validation(card)]
    )


def _purpose(card: ModelCard) -> str:
    field = card.receptive_field
    nanometres = "" if field.equation_size_nm is None else f" ({field.equation_size_nm:.3g} nm)"
    return (
        "Segments nanoparticles in transmission electron micrographs. The network is a residual UNet, "
        f"`{card.architecture.name}`, with {card.parameters} parameters; its receptive field is "
        f"{field.equation_size_px} px{nanometres} by equation (1) of Sytwu, Groschner & Scott (2022)."
    )


def _input_section(card: ModelCard) -> str:
    preprocessing = card.preprocessing
    lines = [
        "## Input",
        "One greyscale micrograph in camera counts. "
        + (
            "The network normalizes it: the darkest areas to -1, the brightest to 1 (blocks of "
            f"{BLOCK_PX} px, percentiles {BLOCK_PERCENTILES[0]:g} and {BLOCK_PERCENTILES[1]:g})."
            if is_normalized_inside(card)
            else "The program that runs this package normalizes it."
        ),
    ]
    if card.pixel_size_nm is not None:
        lines.append(
            f"- **Pixel size**: {card.pixel_size_nm:.4g} nm. Rescale micrographs that differ by more than a quarter."
        )
    if preprocessing.xray_threshold is not None:
        lines.append(
            f"- **X-ray outliers**: first replace pixels more than {preprocessing.xray_threshold:g} counts above the "
            "median (in Fiji: Process > Noise > Remove Outliers, radius 1). The test micrograph contains none."
        )
    if preprocessing.flat_field_px is not None:
        lines.append(
            "- **Illumination**: first divide the micrograph by a copy of itself blurred with a Gaussian of "
            f"{preprocessing.flat_field_px:g} px."
        )
    reach_px = card.receptive_field.reach_px
    lines.append(
        "- **Tiles**: none; the network sees the whole image."
        if reach_px is None
        else f"- **Tiles**: a pixel depends on others up to {reach_px} px away; the halo of this package covers them. "
        + (
            "The network normalizes each tile by itself, so use the whole micrograph as one tile if memory allows."
            if is_normalized_inside(card)
            else "Normalize the whole micrograph before cutting it."
        )
    )
    return "\n".join([lines[0], "", lines[1], "", *lines[2:]])


def _output_section() -> str:
    return "## Output\n\nThe probability that a pixel belongs to a particle. The mask is where it exceeds 0.5."


def _training(card: ModelCard) -> str:
    if card.imported_from is not None:
        return f"## Training\n\nImported from `{card.imported_from.name}`, sha256 `{card.imported_from.sha256}`."
    return f"## Training\n\nDataset `{card.dataset}`, seed {card.seed}, best epoch {card.best_epoch}."


def _validation(card: ModelCard) -> str:
    scores = (
        "The network was not scored on test images before export."
        if card.test is None
        else f"On {card.test.images} test patches the mean dice is {card.test.hard_dice:.3f} (mask) and "
        f"{card.test.soft_dice:.3f} (probability)."
    )
    return (
        f"## Validation\n\n{scores} Label a few of your own micrographs by hand and compare: "
        "`tem-rf segment` with these labels prints dice, particles found and merged, and false positives."
    )


STUDY = (
    "Sytwu, Groschner & Scott (2022), Understanding the Influence of Receptive Field and Network Complexity in Neural "
    "Network-Guided TEM Image Analysis, Microscopy and Microanalysis"
)
STUDY_DOI = "10.1017/S1431927622012466"
TOLERANCE = 1e-4  # of the probability: float32 results of different programs differ by about 1e-6


@dataclass(frozen=True)
class PackageSizes:
    """Tile sizes that programs may use.

    Attributes:
        halo_px: Border of a tile whose result is discarded [px].
        minimum_px: Minimum side of a tile [px].
        step_px: Sides are the minimum plus multiples of this [px].
    """

    halo_px: int
    minimum_px: int
    step_px: int

    def at_least(self, side_px: int) -> int:
        """Return the smallest allowed side of at least this size [px].

        >>> PackageSizes(halo_px=24, minimum_px=52, step_px=4).at_least(63)
        64
        """
        beyond = max(0, side_px - self.minimum_px)
        return self.minimum_px + -(-beyond // self.step_px) * self.step_px


def is_normalized_inside(card: ModelCard) -> bool:
    """Whether the network of a package normalizes its input, which programs with bioimage.io's own steps cannot."""
    return card.preprocessing.normalization == "robust"


def package_sizes(card: ModelCard) -> PackageSizes:
    """Return the tile sizes for a model.

    The halo is the reach, rounded up to the stride, so tiles start on multiples of the stride and do not affect the
    result. A network that sees the whole image has no halo: no tile is large enough.
    """
    stride = card.stride_px
    halo = -(-(card.receptive_field.reach_px or 0) // stride) * stride
    return PackageSizes(halo_px=halo, minimum_px=2 * halo + stride, step_px=stride)


def describe_package(card: ModelCard, folder: Path) -> Any:
    """Describe the files of a package.

    Args:
        card: Model card of the network.
        folder: Contains test_input.npy, test_output.npy, saved_model.zip, weights.onnx, cover.png and README.md.

    Returns:
        `bioimageio.spec.model.v0_5.ModelDescr`.
    """
    from bioimageio.spec.model import v0_5

    return v0_5.ModelDescr(
        name=f"tem-rf {_allowed(card.name)}",
        description=(
            f"Segments nanoparticles in transmission electron micrographs: a residual UNet with a receptive field of "
            f"{card.receptive_field.equation_size_px} px, {card.parameters} parameters."
        ),
        authors=[v0_5.Author(name=author) for author in card.authors or [getpass.getuser()]],
        license=card.license,
        cite=[v0_5.CiteEntry(text=STUDY, doi=STUDY_DOI)],
        tags=["electron-microscopy", "tem", "nanoparticles", "semantic-segmentation", "unet", "2d", "tem-rf"],
        documentation=v0_5.FileDescr(source=folder / "README.md"),
        covers=[v0_5.FileDescr(source=folder / "cover.png")],
        inputs=[_input(card, folder)],
        outputs=[_output(card, folder)],
        weights=_weights(folder),
        config=v0_5.Config(
            bioimageio=v0_5.BioimageioConfig(
                reproducibility_tolerance=[
                    v0_5.ReproducibilityTolerance(absolute_tolerance=TOLERANCE, relative_tolerance=TOLERANCE)
                ],
                architecture_type="residual UNet",
                modality="transmission electron microscopy",
                target_structure=["nanoparticles"],
                task="semantic segmentation",
                model_parameter_count=card.parameters,
            ),
            tem_rf=card.to_json(),
        ),
    )


def _input(card: ModelCard, folder: Path) -> Any:
    from bioimageio.spec.model import v0_5

    sizes = package_sizes(card)
    space = [
        v0_5.SpaceInputAxis(
            id=v0_5.AxisId(axis),
            size=v0_5.ParameterizedSize(min=sizes.minimum_px, step=sizes.step_px),
            **_pixel(card),
        )
        for axis in "yx"
    ]
    return v0_5.InputTensorDescr(
        id=v0_5.TensorId("images"),
        description="Micrograph, without x-ray outliers.",
        axes=[v0_5.BatchAxis(), *space, v0_5.ChannelAxis(channel_names=["intensity"])],
        test_tensor=v0_5.FileDescr(source=folder / "test_input.npy"),
        preprocessing=[] if is_normalized_inside(card) else [_normalization(card)],
    )


def _output(card: ModelCard, folder: Path) -> Any:
    from bioimageio.spec.model import v0_5

    halo = package_sizes(card).halo_px
    space = []
    for axis in "yx":
        size = v0_5.SizeReference(tensor_id=v0_5.TensorId("images"), axis_id=v0_5.AxisId(axis))
        common = {"id": v0_5.AxisId(axis), "size": size, **_pixel(card)}
        space.append(v0_5.SpaceOutputAxisWithHalo(halo=halo, **common) if halo else v0_5.SpaceOutputAxis(**common))
    return v0_5.OutputTensorDescr(
        id=v0_5.TensorId("probability"),
        description="Probability that a pixel belongs to a particle; the mask is where it exceeds 0.5.",
        axes=[v0_5.BatchAxis(), *space, v0_5.ChannelAxis(channel_names=["particle"])],
        data=v0_5.IntervalOrRatioDataDescr(type="float32", range=(0.0, 1.0)),
        test_tensor=v0_5.FileDescr(source=folder / "test_output.npy"),
    )


def _pixel(card: ModelCard) -> dict[str, Any]:
    if card.pixel_size_nm is None:
        return {}
    return {"unit": "nanometer", "scale": halo_keeping_scale(card.pixel_size_nm, package_sizes(card).halo_px)}


def halo_keeping_scale(pixel_size_nm: float, halo_px: int) -> float:
    """Return the pixel size, changed in its last digits if need be: bioimage.io refuses rounding errors in the halo.

    It computes `halo * scale / scale` with the scales of output and input, and wants an integer.

    >>> halo_keeping_scale(0.02152, 24)
    0.02152
    >>> 24 * 0.1243 / 0.1243, halo_keeping_scale(0.1243, 24)
    (24.000000000000004, 0.12430000000000001)
    """
    while halo_px * pixel_size_nm / pixel_size_nm != halo_px:
        pixel_size_nm = math.nextafter(pixel_size_nm, math.inf)
    return pixel_size_nm


def _normalization(card: ModelCard) -> Any:
    """Normalize each micrograph by itself, like the training data."""
    from bioimageio.spec.model import v0_5

    axes = (v0_5.AxisId("y"), v0_5.AxisId("x"))
    normalization = card.preprocessing.normalization
    if normalization == "standard":
        return v0_5.ZeroMeanUnitVarianceDescr(kwargs=v0_5.ZeroMeanUnitVarianceKwargs(axes=axes))
    low, high = map(float, PERCENTILES) if normalization == "percentile" else (0.0, 100.0)
    return v0_5.ScaleRangeDescr(kwargs=v0_5.ScaleRangeKwargs(axes=axes, min_percentile=low, max_percentile=high))


def _weights(folder: Path) -> Any:
    import tensorflow as tf
    from bioimageio.spec.model import v0_5

    return v0_5.WeightsDescr(
        tensorflow_saved_model_bundle=v0_5.TensorflowSavedModelBundleWeightsDescr(
            source=folder / "saved_model.zip", tensorflow_version=v0_5.Version(tf.__version__)
        ),
        onnx=v0_5.OnnxWeightsDescr(
            source=folder / "weights.onnx", opset_version=ONNX_OPSET, parent="tensorflow_saved_model_bundle"
        ),
    )


def _allowed(name: str) -> str:
    """Replace characters other than letters, digits, _ + - ( ) and spaces, which bioimage.io does not allow."""
    return "".join(letter if (letter.isascii() and letter.isalnum()) or letter in "_+- ()" else "-" for letter in name)
