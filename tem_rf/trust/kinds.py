"""Names of what may be wrong with an image; a changed image and a verdict use the same ones."""

GOOD = "good"
NOISE = "noise"
BLUR = "blur"
SCALE = "magnification"
ILLUMINATION = "illumination"
INVERTED = "inverted contrast"
EMPTY = "no particles"
FOREIGN = "not such a micrograph"
UNLIKE = "unlike the training"  # for no reason that has a name
PRINTED = "printed"  # reduced, enlarged and stretched, as figures are

NEVER_TRUSTED = (FOREIGN, INVERTED, EMPTY)
"""Kinds whose masks are never trusted, whatever dice is expected."""
