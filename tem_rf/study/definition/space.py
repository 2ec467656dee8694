"""The networks that a study may try on a dataset; networks that do not fit are excluded and never become trials."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tem_rf.architecture import Architecture
from tem_rf.architecture.receptive_field import equation_size
from tem_rf.architecture.shape import MAX_FIELD_PX
from tem_rf.data.manifest import Manifest
from tem_rf.data.prepared import read_manifest
from tem_rf.errors import ArchitectureError, StudyError
from tem_rf.study.definition.definition import Setup, StudyDefinition
from tem_rf.study.definition.sections import Space
from tem_rf.study.definition.starts import find_start

if TYPE_CHECKING:
    from tem_rf.training.starting_point import StartingPoint

MAX_NETWORKS = 20_000
"""Maximum size of a search space; a larger one is most likely a mistake."""


def candidates(space: Space, manifest: Manifest) -> tuple[Architecture, ...]:
    """Return all networks of a space that fit the patches of a dataset and the limits of the receptive field.

    The width of a receptive field is the mean over pixels of its exact width.

    Args:
        space: The space.
        manifest: Patch size and pixel size of the dataset.

    Raises:
        StudyError: The space is empty, or no network of it fits.
    """
    networks = _all_networks(space)
    if not networks:
        raise StudyError("space: contains no network; give depths and poolings, or networks.")
    patch_size = manifest.patch_size
    divisible = [each for each in networks if patch_size % each.stride == 0]
    if not divisible:
        smallest = min(each.stride for each in networks)
        raise StudyError(
            f"{manifest.name}: patch_size {patch_size} is not divisible by the pooling product of any network in the "
            f"space (the smallest is {smallest}); choose smaller poolings or depths, or prepare larger patches."
        )
    min_px, max_px = _range_px(space, manifest)
    limit = patch_size if space.within_patch else math.inf
    if min_px >= limit or min_px > max_px:
        raise StudyError(
            f"{manifest.name}: expected a receptive field {_in_words(min_px, max_px, limit)}, which is impossible; "
            "change the limits, or set within_patch = false."
        )
    found = tuple(
        each
        for each in divisible
        if min_px <= _width_px(each) <= max_px and (limit == math.inf or _width_px(each) < limit)
    )
    if not found:
        nearest = min(divisible, key=lambda each: _distance(_width_px(each), min_px, min(max_px, limit)))
        raise StudyError(
            f"{manifest.name}: no network in the space has a receptive field "
            f"{_in_words(min_px, max_px, limit)}; the closest is {nearest.name} with "
            f"{_width_px(nearest):g} px. Change the poolings, the depths or the limits."
        )
    return found


def setup_candidates(space: Space, setup: Setup) -> tuple[Architecture, ...]:
    """Return the networks that a study may try in one of its setups; from a model, the network of that model only.

    Raises:
        DatasetError: The dataset is missing, incomplete or damaged, or was not prepared as the model expects.
        ModelError: The model to start from is missing or damaged.
        ReadError: The PyTorch file to start from is damaged.
        SettingsError: The model to start from has another normalization.
        StudyError: The space is empty, or no network of it fits.
    """
    start = find_start(setup.start_from)
    networks = candidates(space, read_manifest(setup.dataset))
    if start is None:
        return networks
    if start.architecture not in networks:
        raise StudyError(_why_not(start, space, setup))
    from tem_rf.runs.dataset import configure_run

    # Refuses a dataset that was not prepared as the model expects.
    configure_run(setup.dataset, start.architecture, setup.training, 0, start=start.ancestor)
    return (start.architecture,)


@dataclass(frozen=True)
class Candidates:
    """How many networks of a space fit a dataset.

    Attributes:
        by_depth: The number that fit, by depth; a depth of which none fits is left out.
        all: The number of networks in the space.
    """

    by_depth: dict[int, int]
    all: int


def count_candidates(definition: StudyDefinition) -> dict[str, Candidates]:
    """Return how many networks of the space fit each setup of a study, by name.

    Raises:
        DatasetError: A dataset is missing, incomplete or damaged.
        StudyError: No network of the space fits a dataset.
    """
    total = len(_all_networks(definition.space))
    counts = {}
    for setup in definition.setups():
        depths = Counter(each.depth for each in setup_candidates(definition.space, setup))
        counts[setup.name] = Candidates(dict(sorted(depths.items())), total)
    return counts


def planned_runs(definition: StudyDefinition) -> dict[str, int]:
    """Return the planned number of runs of each setup of a study, by name.

    Raises:
        DatasetError: A dataset is missing, incomplete or damaged.
        StudyError: No network of the space fits a dataset.
    """
    budget = definition.strategy.budget
    networks = {setup.name: len(setup_candidates(definition.space, setup)) for setup in definition.setups()}
    return {
        name: len(definition.seeds) * (count if budget is None else min(budget, count))
        for name, count in networks.items()
    }


def _why_not(start: "StartingPoint", space: Space, setup: Setup) -> str:
    """Why the network of a model is not among the candidates."""
    model, ours = start.ancestor.name, start.architecture.name
    if start.architecture not in _all_networks(space):
        return (
            f"start_from: the network of {model} is {ours}, which is not in the space; add {ours} to space.networks, "
            f"or remove {model}."
        )
    return (
        f"start_from: the network of {model} is {ours}, which is excluded on {setup.dataset.name} by its patch size or "
        f"the limits of the space; set space.within_patch = false, change the limits, or remove {model}."
    )


def _all_networks(space: Space) -> list[Architecture]:
    found: Iterator[Architecture]
    if space.networks:
        found = map(Architecture.from_name, space.networks)
    else:
        size = (
            sum(max(len(space.poolings), 1) ** depth for depth in space.depths)
            * len(space.dilations)
            * len(space.parts)
        )
        if size > MAX_NETWORKS:
            raise StudyError(
                f"space: expected at most {MAX_NETWORKS:,} networks, received {size:,}; "
                "give fewer depths, poolings, dilations or parts."
            )
        found = _combinations(space)
    try:
        return list({each.name: each for each in found}.values())
    except ArchitectureError as error:
        raise StudyError(f"space: {error}") from error


def _combinations(space: Space) -> Iterator[Architecture]:
    for depth, parts, dilation in itertools.product(space.depths, space.parts, space.dilations):
        sequence = (dilation,) * (depth + 1) if isinstance(dilation, int) else dilation
        if len(sequence) != depth + 1 or ("smooth" in parts.split("-") and max(sequence) == 1):
            continue
        for poolings in itertools.product(space.poolings, repeat=depth):
            name = Architecture(poolings, dilation_sequence=sequence).name
            yield Architecture.from_name(f"{name}-{parts}" if parts else name)


def _range_px(space: Space, manifest: Manifest) -> tuple[float, float]:
    min_px, max_px = space.min_field_px or 0.0, space.max_field_px or math.inf
    if space.min_field_nm is None and space.max_field_nm is None:
        return min_px, max_px
    if manifest.pixel_size_nm is None:
        raise StudyError(
            f"{manifest.name}: has no pixel size, which space.min_field_nm and max_field_nm need; give min_field_px "
            "and max_field_px, or prepare the dataset with `pixel_size_nm`."
        )
    min_px = max(min_px, (space.min_field_nm or 0.0) / manifest.pixel_size_nm)
    return min_px, min(max_px, (space.max_field_nm or math.inf) / manifest.pixel_size_nm)


def _in_words(min_px: float, max_px: float, patch_limit: float) -> str:
    limits = [f"of at least {min_px:g} px"] if min_px > 0 else []
    limits += [f"of at most {max_px:g} px"] if max_px < math.inf else []
    limits += [f"smaller than the patch of {patch_limit} px"] if patch_limit < math.inf else []
    return " and ".join(limits)


def _width_px(architecture: Architecture) -> float:
    if equation_size(architecture) > MAX_FIELD_PX:  # a lower bound of the exact mean, and faster
        return math.inf
    size_px = architecture.receptive_field.size_px
    return math.inf if size_px is None else size_px.mean


def _distance(width: float, min_px: float, max_px: float) -> float:
    return max(min_px - width, width - max_px)
