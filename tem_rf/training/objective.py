"""Loss functions and validation scores of a training, for any Keras backend."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from keras import ops

from tem_rf.architecture.layers import CLASSES
from tem_rf.metrics.dice import dice_from_sums

FOCUS = 2.0  # the exponent of Lin et al. 2017
DISTANCE_WEIGHT = 1.0  # of the error of the distance, beside the loss of the classes

Loss = Callable[[Any, Any], Any]
"""Maps labels (n, h, w, 1) and logits (n, h, w, 2) to the mean over the batch that a step minimizes.

For a network with a distance output, both have one more channel, the distance.
"""


@dataclass(frozen=True)
class Objective:
    """What a training minimizes and reports.

    Attributes:
        loss: Mean over a batch.
        scores: Scores of each image of a batch, see `image_scores`.
    """

    loss: Loss
    scores: Callable[[Any, Any], tuple[Any, Any, Any]]

    def sums(self, label: Any, logits: Any) -> Any:
        """Contribution of a batch to the scores of an epoch, see `batch_sums`."""
        return ops.stack([ops.sum(scores) for scores in self.scores(label, logits)])


def objective(name: str, *, ignores_unsure: bool = False, has_distance: bool = False) -> Objective:
    """The objective for a value of `TrainingSettings.loss`.

    Args:
        name: Name of the loss.
        ignores_unsure: Leave out the pixels whose label is below zero, which are not sure. Without such pixels this
            computes the same with more operations.
        has_distance: Add the error of the distance; the scores remain those of the classes.
    """
    classes = Objective(loss_function(name), image_scores)
    if ignores_unsure:
        classes = Objective(lambda label, logits: _sure_loss(name, label, logits), sure_image_scores)
    return _with_distance(classes) if has_distance else classes


def _with_distance(classes: Objective) -> Objective:
    def loss(label: Any, outputs: Any) -> Any:
        error = distance_error(label[..., 1], outputs[..., CLASSES])
        return classes.loss(label[..., :1], outputs[..., :CLASSES]) + DISTANCE_WEIGHT * error

    return Objective(loss, lambda label, outputs: classes.scores(label[..., :1], outputs[..., :CLASSES]))


def distance_error(target: Any, distance: Any) -> Any:
    """Mean absolute error of the distance, image by image, so that a batch may be computed in parts.

    Args:
        target: (n, h, w), below zero where it is not known.
        distance: (n, h, w).
    """
    known = ops.cast(target >= 0, "float32")
    return ops.mean(_mean_of_sure(ops.abs(distance - target), known))


def _sure_loss(name: str, label: Any, logits: Any) -> Any:
    """A loss over the pixels that are sure, image by image, so that a batch may be computed in parts."""
    sure, particle = _sure_and_particle(label)
    entropy = cross_entropy(ops.expand_dims(particle, -1), logits)
    if name == "focal":
        entropy = (1.0 - ops.exp(-entropy)) ** FOCUS * entropy
    loss = ops.mean(_mean_of_sure(entropy, sure))
    if name != "cross_entropy_dice":
        return loss
    return loss + 1.0 - ops.mean(_dice(ops.sigmoid(_particle_margin(logits)) * sure, particle))


def sure_image_scores(label: Any, logits: Any) -> tuple[Any, Any, Any]:
    """`image_scores` over the pixels that are sure; the label is below zero on the others."""
    sure, particle = _sure_and_particle(label)
    margin = _particle_margin(logits)
    loss = _mean_of_sure(cross_entropy(ops.expand_dims(particle, -1), logits), sure)
    predictions = (ops.sigmoid(margin), ops.cast(margin > 0, "float32"))
    soft, hard = (_dice(prediction * sure, particle) for prediction in predictions)
    return loss, soft, hard


def _sure_and_particle(label: Any) -> tuple[Any, Any]:
    return ops.cast(label[..., 0] >= 0, "float32"), ops.maximum(label[..., 0], 0.0)


def _mean_of_sure(values: Any, sure: Any) -> Any:
    return ops.sum(values * sure, axis=(1, 2)) / ops.maximum(ops.sum(sure, axis=(1, 2)), 1.0)


def loss_function(name: str) -> Loss:
    """The loss function for a value of `TrainingSettings.loss`."""
    losses: dict[str, Loss] = {
        "cross_entropy": mean_cross_entropy,
        "cross_entropy_dice": cross_entropy_dice,
        "focal": focal,
    }
    return losses[name]


def mean_cross_entropy(label: Any, logits: Any) -> Any:
    """Cross-entropy, the loss of the study."""
    return ops.mean(cross_entropy(label, logits))


def cross_entropy_dice(label: Any, logits: Any) -> Any:
    """Cross-entropy plus 1 - soft dice, image by image, so that small particles weigh as much as large ones.

    Source: Isensee et al. 2021 (nnU-Net) add the two in the same way.
    """
    soft_dice = _dice(ops.sigmoid(_particle_margin(logits)), label[..., 0])
    return mean_cross_entropy(label, logits) + 1.0 - ops.mean(soft_dice)


def focal(label: Any, logits: Any) -> Any:
    """Cross-entropy times (1 - probability of the true class) ** 2, so that correct pixels count little.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", without the class weight.
    """
    entropy = cross_entropy(label, logits)
    return ops.mean((1.0 - ops.exp(-entropy)) ** FOCUS * entropy)


def cross_entropy(label: Any, logits: Any) -> Any:
    """Per-pixel cross-entropy of two classes.

    Args:
        label: (n, h, w, 1) float, 1 on particles.
        logits: (n, h, w, 2), background first.

    Returns:
        (n, h, w) float; equal to the cross-entropy of the softmax, which for two classes needs only the
        difference of the logits.
    """
    margin = _particle_margin(logits)
    return ops.softplus(margin) - margin * label[..., 0]


def batch_sums(label: Any, logits: Any) -> Any:
    """Contribution of a batch to the scores of an epoch.

    Args:
        label: (n, h, w, 1) float, 1 on particles.
        logits: (n, h, w, 2), background first.

    Returns:
        (3,) float32: sums over the images of mean cross-entropy, soft dice and hard dice.
    """
    return ops.stack([ops.sum(scores) for scores in image_scores(label, logits)])


def image_scores(label: Any, logits: Any) -> tuple[Any, Any, Any]:
    """Mean cross-entropy, soft dice and hard dice of each image of a batch, each (n,) float32; see `batch_sums`."""
    margin = _particle_margin(logits)
    particle = label[..., 0]
    loss = ops.mean(cross_entropy(label, logits), axis=(1, 2))
    soft, hard = (_dice(prediction, particle) for prediction in (ops.sigmoid(margin), ops.cast(margin > 0, "float32")))
    return loss, soft, hard


@dataclass(frozen=True)
class Scores:
    """Mean scores over the images seen so far.

    Attributes:
        images: Number of images.
        sums: Sums over the images of cross-entropy, soft dice and hard dice.
    """

    images: int = 0
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def plus(self, images: int, sums: Any) -> Self:
        """Add the images of a batch, in float64, so that the result depends only on the order of the batches."""
        loss, soft, hard = (old + float(new) for old, new in zip(self.sums, sums, strict=True))
        return type(self)(self.images + images, (loss, soft, hard))

    @property
    def loss(self) -> float:
        """Mean cross-entropy."""
        return self._mean(0)

    @property
    def soft_dice(self) -> float:
        """Mean soft dice."""
        return self._mean(1)

    @property
    def hard_dice(self) -> float:
        """Mean hard dice."""
        return self._mean(2)

    def _mean(self, index: int) -> float:
        return self.sums[index] / self.images if self.images else float("nan")


def _particle_margin(logits: Any) -> Any:
    """Logit of the particle minus that of the background: its sigmoid is the softmax of the particle class."""
    # A product instead of a difference of slices, whose gradient would be two passes over zeros.
    return ops.tensordot(logits, ops.convert_to_tensor([-1.0, 1.0], logits.dtype), axes=1)


def _dice(prediction: Any, label: Any) -> Any:
    return dice_from_sums(*(ops.sum(x, axis=(1, 2)) for x in (prediction * label, prediction, label)))
