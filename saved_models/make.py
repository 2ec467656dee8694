"""Produce the included models with ordinary `tem-rf` commands, each printed before it runs.

    python saved_models/make.py au-hrtem
    python saved_models/make.py bright-field --measured sintering=FOLDER
    python saved_models/make.py au-hrtem --tiny --output /tmp/models
    python saved_models/make.py au-hrtem --calibrate-only
    python saved_models/make.py au-hrtem --trust-only

Existing files in the working folder are reused, so a stopped command can be resumed by running it again. `--tiny` runs
the same commands on a few small micrographs to test them; its models are useless. Probabilities are calibrated on fresh
micrographs of the kinds that the network was trained on; `--calibrate-only` does that alone to an existing model.
`--trust-only` tries an existing model on simulated micrographs, to record when to trust its masks.
"""

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

SEEDS = (752, 2245, 140)
HERE = Path(__file__).resolve().parent
_TRUST_SEED = 1000  # no micrographs of the training or its test have it
_FRESH = 4  # micrographs of each kind to calibrate on


@dataclass(frozen=True)
class Micrographs:
    """One folder of simulated micrographs: options of `tem-rf simulate` and number of micrographs."""

    name: str
    count: int
    options: str

    @property
    def is_bare(self) -> bool:
        """Whether it is film without particles."""
        return "--particles 0" in self.options


@dataclass(frozen=True)
class Recipe:
    """Recipe of one model: options of the commands, and the texts of its model card."""

    purpose: str
    pixel_size_nm: float
    patch_size: int
    network: str
    training: str
    sets: tuple[Micrographs, ...]
    held_out: tuple[Micrographs, ...]
    limits: tuple[str, ...]
    tried_on: str
    specimens: int
    is_calibrated: bool = True


# Wide ranges, so that a network does not depend on the ranges that the presets fit to one microscope.
_ANY_FOCUS = "--defocus-nm 50:1200 --defocus-sign both --image-spread-nm 0.03:0.5"
_NEAR_FOCUS = "--defocus-nm 5:80 --carbon-nm 3:6 --image-spread-nm 0.005:0.04 --acceptance-mrad 54"
_WIDE_FOCUS = "--defocus-nm 5:120 --carbon-nm 2:8 --image-spread-nm 0.005:0.04 --acceptance-mrad 54"

# Presets as they were when the models were made, where they have changed: film, focus and surface of 2.2 nm gold.
_FORMER = {"au-2.2nm": {"carbon_nm": [4, 6], "defocus_nm": [20, 50], "defocus_sign": "both", "surface_disorder": 1}}
_BOTH_FOCI = "--defocus-sign both --surface-disorder 1"

# Before edges of low resolution were blurred and labelled at half height.
_SHARP_EDGES = "--mask-height 0 --defocus-sign both --convergence-mrad 0.1 --image-spread-nm 0.02:0.04"
_SMALL = "au-20nm-lowres --diameter-nm 8 --diameter-spread 0.3"
_OVERLAPPING = "--minimum-gap-nm=-4 --touching 0.2"

_HRTEM_TRAINING = (
    "--recipe best --normalization standard --epochs 1 --batch-size 2 "
    "--noise-sd 0.5 --blur-px 3 --reduction 4 --gain 0.2 --offset 0.2 --illumination 0.5 --gamma 1.5"
)

# Most pixel sizes are within the factor of 1.25 up to which `tem-rf segment` uses a model without a warning; `prepare`
# gets one pixel size for all of them, so the networks learn to work without rescaling.
RECIPES = {
    "au-hrtem": Recipe(
        purpose="Gold nanoparticles of 2 to 10 nm on amorphous carbon, in high-resolution micrographs with or without "
        "lattice fringes.",
        pixel_size_nm=0.02152,
        patch_size=512,
        network="n3-p244",
        training=_HRTEM_TRAINING,
        sets=(
            Micrographs("2nm", 54, f"au-2.2nm --diameter-nm 2.4 --dose 600 --coverage 0.25 {_NEAR_FOCUS} {_BOTH_FOCI}"),
            Micrographs(
                "2nm-dark", 24, f"au-2.2nm --diameter-nm 2.4 --dose 150 --coverage 0.25 {_NEAR_FOCUS} {_BOTH_FOCI}"
            ),
            Micrographs(
                "3nm-fine",
                22,
                f"au-5nm --diameter-nm 3 --pixel-size-nm 0.015 --dose 1000 --coverage 0.15 {_NEAR_FOCUS}",
            ),
            Micrographs(
                "3nm-coarse",
                14,
                f"au-5nm --diameter-nm 3 --pixel-size-nm 0.035 --dose 300 --coverage 0.15 {_NEAR_FOCUS}",
            ),
            Micrographs(
                "4nm", 28, f"au-5nm --diameter-nm 4 --pixel-size-nm 0.0185 --dose 200 --coverage 0.15 {_NEAR_FOCUS}"
            ),
            Micrographs("5nm", 54, f"au-5nm --diameter-nm 5.5 --dose 423 --coverage 0.25 {_WIDE_FOCUS}"),
            Micrographs("5nm-dark", 28, f"au-5nm --diameter-nm 5.5 --dose 80 --coverage 0.25 {_WIDE_FOCUS}"),
            Micrographs(
                "6nm", 18, f"au-5nm --diameter-nm 6 --pixel-size-nm 0.025 --dose 120 --coverage 0.15 {_WIDE_FOCUS}"
            ),
            Micrographs(
                "6nm-coarse",
                14,
                f"au-5nm --diameter-nm 6 --pixel-size-nm 0.043 --dose 50 --coverage 0.15 {_WIDE_FOCUS}",
            ),
            Micrographs("7nm-touching", 24, f"au-5nm --diameter-nm 7 --touching 0.8 --coverage 0.3 {_WIDE_FOCUS}"),
            Micrographs("10nm", 44, f"au-10nm --diameter-nm 10.5 --size-px 512 --dose 423 {_WIDE_FOCUS}"),
            Micrographs("10nm-dark", 20, f"au-10nm --diameter-nm 10.5 --size-px 512 --dose 100 {_WIDE_FOCUS}"),
        ),
        held_out=(
            Micrographs("2nm", 10, f"au-2.2nm --carbon-nm 4:6 --defocus-nm 20:50 {_BOTH_FOCI}"),
            Micrographs("5nm", 10, "au-5nm"),
            Micrographs("5nm-low-dose", 10, "au-5nm --dose 60 --defocus-nm 5:120"),
            Micrographs("10nm", 4, "au-10nm"),
            Micrographs("6nm-coarse", 8, "au-5nm --diameter-nm 6 --pixel-size-nm 0.043 --dose 100"),
        ),
        limits=(
            "Trained on simulated micrographs only; the scores on measured micrographs are from figure panels that "
            "were printed small and enlarged again.",
            "No holes in the film, and no crystals other than gold.",
        ),
        tried_on="au-2.2nm,au-5nm,au-10nm",
        specimens=180,
    ),
    "hrtem": Recipe(
        purpose="Nanoparticles of gold, silver, platinum, palladium or CdSe of 2 to 10 nm on amorphous carbon, in "
        "high-resolution micrographs.",
        pixel_size_nm=0.02152,
        patch_size=512,
        network="n3-p244",
        training=_HRTEM_TRAINING,
        sets=(
            Micrographs("au-2nm", 24, f"au-2.2nm --dose 600 {_NEAR_FOCUS} {_BOTH_FOCI}"),
            Micrographs("au-5nm", 24, f"au-5nm --dose 423 {_WIDE_FOCUS}"),
            Micrographs("au-10nm", 16, f"au-10nm --size-px 512 --dose 200 {_WIDE_FOCUS}"),
            Micrographs("ag-5nm", 24, f"ag-5nm --dose 423 {_WIDE_FOCUS}"),
            Micrographs("ag-8nm-dark", 16, f"ag-5nm --diameter-nm 8 --pixel-size-nm 0.025 --dose 100 {_WIDE_FOCUS}"),
            Micrographs("pt-3nm", 24, f"pt-3nm --dose 400 {_NEAR_FOCUS}"),
            Micrographs("pd-4nm", 24, f"pd-4nm --dose 400 {_NEAR_FOCUS}"),
            Micrographs("cdse-5nm", 30, f"cdse-5nm --dose 800 {_NEAR_FOCUS}"),
            Micrographs("cdse-7nm", 24, f"cdse-5nm --diameter-nm 7 --pixel-size-nm 0.025 --dose 250 {_WIDE_FOCUS}"),
        ),
        held_out=(
            Micrographs("au-5nm", 10, "au-5nm"),
            Micrographs("ag-5nm", 10, "ag-5nm"),
            Micrographs("pt-3nm", 10, "pt-3nm"),
            Micrographs("pd-4nm", 10, "pd-4nm"),
            Micrographs("cdse-5nm", 10, "cdse-5nm"),
        ),
        limits=(
            "Trained on simulated micrographs only; the measured ones that it was scored on are printed and enlarged "
            "panels of gold.",
            "Particles of light elements have little contrast.",
        ),
        tried_on="ag-5nm,pt-3nm,pd-4nm,cdse-5nm,au-5nm",
        specimens=180,
        # A temperature of 0.93 gains nothing on simulated micrographs and loses on measured ones (docs/experiments.md).
        is_calibrated=False,
    ),
    "bright-field": Recipe(
        purpose="Dark nanoparticles of 4 to 25 nm on an even film, in bright-field micrographs without "
        "lattice fringes.",
        pixel_size_nm=0.1243,
        patch_size=256,
        network="n3-p222",
        training="--recipe best --normalization standard --epochs 4 --noise-sd 0.5 --blur-px 1",
        sets=(
            Micrographs("20nm", 25, f"au-20nm-lowres --dose 16 --defocus-nm 50:400 {_SHARP_EDGES} --blur-px 1"),
            Micrographs(
                "15nm",
                25,
                "au-20nm-lowres --diameter-nm 15 --pixel-size-nm 0.15 --dose 5 --defocus-nm 50:600 "
                f"{_SHARP_EDGES} --blur-px 1",
            ),
            Micrographs(
                "10nm",
                25,
                "au-20nm-lowres --diameter-nm 10 --dose 10 --defocus-nm 50:600 --carbon-nm 3:15 --xray-spikes 20 "
                f"{_SHARP_EDGES} --blur-px 1",
            ),
            Micrographs(
                "9nm-far",
                25,
                "au-20nm-lowres --diameter-nm 9 --pixel-size-nm 0.11 --dose 5 --defocus-nm 300:1500 "
                f"--carbon-nm 15:20 --blur-px 2 {_SHARP_EDGES}",
            ),
            Micrographs(
                "5nm",
                20,
                "au-20nm-lowres --diameter-nm 5 --pixel-size-nm 0.105 --dose 20 --defocus-nm 100:800 --carbon-nm 8:20 "
                f"{_SHARP_EDGES} --blur-px 1",
            ),
        ),
        held_out=(
            Micrographs("20nm", 10, f"au-20nm-lowres --defocus-nm 50:400 {_SHARP_EDGES} --blur-px 1"),
            Micrographs(
                "8nm",
                10,
                "au-20nm-lowres --diameter-nm 8 --dose 8 --defocus-nm 100:800 --carbon-nm 3:15 "
                f"{_SHARP_EDGES} --blur-px 1",
            ),
        ),
        limits=(
            "Trained on simulated gold only; particles of lighter elements have less contrast.",
            "Trained on micrographs where at most a third of the particles touch or overlap; separate touching "
            "particles with --split-touching.",
        ),
        tried_on="au-20nm-lowres",
        specimens=120,
    ),
    # Of every coverage, with the edges of real micrographs; not included yet (docs/experiments.md, "Coverage").
    "bright-field-any-coverage": Recipe(
        purpose="Dark nanoparticles of 4 to 25 nm on an even film, in bright-field micrographs without "
        "lattice fringes.",
        pixel_size_nm=0.1243,
        patch_size=256,
        network="n3-p222",
        training="--recipe best --epochs 2 --noise-sd 0.5 --blur-px 1",
        sets=(
            Micrographs("20nm", 12, f"au-20nm-lowres --dose 16 {_ANY_FOCUS}"),
            Micrographs(
                "15nm",
                10,
                f"au-20nm-lowres --diameter-nm 15 --pixel-size-nm 0.15 --dose 5 --carbon-nm 3:10 {_ANY_FOCUS}",
            ),
            Micrographs(
                "10nm", 14, f"au-20nm-lowres --diameter-nm 10 --dose 10 --carbon-nm 3:15 --xray-spikes 20 {_ANY_FOCUS}"
            ),
            Micrographs("8nm-dark", 20, f"{_SMALL} --dose 3 {_ANY_FOCUS}"),
            Micrographs(
                "9nm-far",
                10,
                "au-20nm-lowres --diameter-nm 9 --pixel-size-nm 0.11 --dose 5 --defocus-nm 600:1500 "
                "--carbon-nm 15:20 --blur-px 2",
            ),
            Micrographs(
                "5nm",
                14,
                "au-20nm-lowres --diameter-nm 5 --pixel-size-nm 0.105 --dose 20 --carbon-nm 8:20 "
                "--defocus-nm 100:800 --defocus-sign both --image-spread-nm 0.05:0.4",
            ),
            Micrographs("few", 8, f"{_SMALL} --particles 3 --dose 6 --carbon-nm 4:15 {_ANY_FOCUS}"),
            Micrographs("dense", 12, f"{_SMALL} {_OVERLAPPING} --particles 70 --dose 16 {_ANY_FOCUS}"),
            Micrographs(
                "dense-dark", 12, f"{_SMALL} {_OVERLAPPING} --particles 100 --dose 4 --carbon-nm 8:20 {_ANY_FOCUS}"
            ),
            Micrographs("denser", 8, f"{_SMALL} {_OVERLAPPING} --particles 150 --dose 8 --carbon-nm 4:15 {_ANY_FOCUS}"),
            Micrographs("bare", 8, f"{_SMALL} --particles 0 --dose 5 --carbon-nm 3:20 {_ANY_FOCUS}"),
        ),
        held_out=(
            Micrographs("20nm", 8, "au-20nm-lowres"),
            Micrographs("8nm", 8, "au-20nm-lowres --diameter-nm 8 --dose 8 --carbon-nm 3:15"),
            Micrographs("dense", 6, f"{_SMALL} {_OVERLAPPING} --particles 90 --dose 8 --carbon-nm 4:15"),
        ),
        limits=(
            "Trained on simulated gold only; particles of lighter elements have less contrast.",
            "Outlines are drawn at half the height of a particle's blurred edge, as people draw them.",
            "Touching and overlapping particles are marked as one; separate them with --split-touching.",
        ),
        tried_on="au-20nm-lowres",
        specimens=120,
    ),
}


def main() -> None:
    """Produce one model."""
    options = _options()
    recipe, work = RECIPES[options.name], options.work / ("tiny" if options.tiny else "full") / options.name
    is_whole = not (options.calibrate_only or options.trust_only)
    if is_whole:
        _train(options, recipe, work)
    if options.calibrate_only or (is_whole and recipe.is_calibrated):
        _calibrate(options, recipe, work)
    if options.trust_only or is_whole:
        _tem_rf(
            "trust", options.output / options.name, "--simulate", _presets(recipe.tried_on, work),
            "--specimens", 6 if options.tiny else recipe.specimens, "--seed", _TRUST_SEED,
        )  # fmt: skip
    if options.output.resolve() == HERE:
        command = [sys.executable, "-m", "tools.write_light_networks", str(HERE / options.name)]
        sys.exit(subprocess.run(command, cwd=HERE.parent, check=False).returncode)


def _train(options: argparse.Namespace, recipe: Recipe, work: Path) -> None:
    # Different seeds, because sets of the same seed would share their carbon films.
    training, held_out = (
        [
            _simulate(one, work / part / one.name, seed=first + index, tiny=options.tiny)
            for index, one in enumerate(sets)
        ]
        for part, sets, first in (("train", recipe.sets, 0), ("held-out", recipe.held_out, 1000))
    )
    dataset = work / options.name
    _tem_rf(
        "prepare", *training, "--output", dataset, "--pixel-size-nm", recipe.pixel_size_nm,
        "--patch-size", 64 if options.tiny else recipe.patch_size,
        *(["--empty-is-background"] if any(one.is_bare for one in recipe.sets) else []),
    )  # fmt: skip
    _tem_rf(
        "train", dataset, "--runs", work / "runs", "--network", recipe.network,
        "--seed", ",".join(map(str, SEEDS)), *shlex.split(recipe.training), *(["--epochs", 1] if options.tiny else []),
        "--evaluate",
    )  # fmt: skip
    _export(options, recipe, sorted((work / "runs").iterdir()), held_out)


def _calibrate(options: argparse.Namespace, recipe: Recipe, work: Path) -> None:
    fresh = [
        _simulate(replace(one, count=_FRESH), work / "calibration" / one.name, seed=2000 + index, tiny=options.tiny)
        for index, one in enumerate(recipe.sets)
        if not one.is_bare
    ]
    model = options.output / options.name
    _tem_rf("calibrate", model, *fresh, "--output", model)


def _simulate(one: Micrographs, folder: Path, *, seed: int, tiny: bool) -> Path:
    size = ["--count", 3, "--size-px", 256, "--diameter-nm", 2] if tiny else ["--count", one.count]
    _tem_rf("simulate", *shlex.split(one.options), *size, "--seed", seed, "--output", folder)
    return folder


def _presets(names: str, work: Path) -> str:
    """Presets by name, or by the file of what they were."""
    found = []
    for name in names.split(","):
        file = work / "presets" / f"{name}.json"
        if name in _FORMER:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"preset": name} | _FORMER[name]), encoding="utf-8")
        found.append(str(file) if name in _FORMER else name)
    return ",".join(found)


def _export(options: argparse.Namespace, recipe: Recipe, runs: list[Path], held_out: list[Path]) -> None:
    scored = [f"simulated {folder.name}={folder}" for folder in held_out] + options.measured
    _tem_rf(
        "export", *runs, "--output", options.output / options.name, "--overwrite",
        *_repeated("--held-out", scored),
        "--purpose", recipe.purpose,
        *_repeated("--limit", recipe.limits),
        "--made-by", f"python saved_models/make.py {options.name}",
    )  # fmt: skip


def _repeated(option: str, values: list[str] | tuple[str, ...]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _tem_rf(*words: object) -> None:
    command = ["tem-rf", *map(str, words)]
    print("$", shlex.join(command), flush=True)
    if code := subprocess.run([sys.executable, "-m", "tem_rf", *command[1:]], check=False).returncode:
        sys.exit(code)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--work", type=Path, default=Path("models-work"), help="working folder for intermediate files")
    parser.add_argument("--output", type=Path, default=HERE, help="parent folder of the model folder")
    parser.add_argument(
        "--measured",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="labelled micrographs to score for the card",
    )
    parser.add_argument("--calibrate-only", action="store_true", help="calibrate the existing model again")
    parser.add_argument("--trust-only", action="store_true", help="only record when to trust an existing model")
    parser.add_argument("--tiny", action="store_true", help="use a few small micrographs, to test the commands")
    return parser.parse_args()


if __name__ == "__main__":
    main()
