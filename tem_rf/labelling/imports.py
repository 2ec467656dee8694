"""Import what edits use before the first one, which would otherwise take a second."""


def import_edits() -> None:
    """Import the parts of SciPy and scikit-image that the edits use."""
    import scipy.ndimage  # noqa: F401
    import skimage.draw
    import skimage.measure
    import skimage.morphology
    import skimage.segmentation  # noqa: F401
