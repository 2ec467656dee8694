"""Typed failures: one clear line each, and the exit code the command ends with."""


class TemRfError(Exception):
    """Something the user can put right.

    The message says what happened and where, what was expected, what was received and what to do next.
    """

    exit_code = 1


class ArchitectureError(TemRfError):
    """An architecture that cannot be built, or a name that means none."""

    exit_code = 2


class SettingsError(TemRfError):
    """A setting out of its range, or settings that contradict each other."""

    exit_code = 2


class TooManyOutliersError(SettingsError):
    """An x-ray threshold that cuts into the image itself."""


class ReadError(TemRfError):
    """A file that cannot be read as a micrograph, a label or a model."""


class DatasetError(TemRfError):
    """Micrographs, labels or a dataset folder that cannot be used."""


class NoBraggPeaksError(TemRfError):
    """An image without lattice fringes, which Fourier filtering needs."""


class RunError(TemRfError):
    """A run folder that is missing, busy, of another schema or in the wrong state."""


class StudyError(TemRfError):
    """A study whose definition, search space or folder cannot be used."""

    exit_code = 2


class TrainingError(TemRfError):
    """A training that cannot go on, such as a loss that became NaN."""


class ModelError(TemRfError):
    """A model folder or file that cannot be used."""


class StorageError(TemRfError):
    """A result that could not be written: disk full, no permission."""


class NameTooLongError(StorageError):
    """A result whose name would be longer than the file system allows; those of other files may not be."""


class DiskFullError(StorageError):
    """A result that could not be written until somebody frees space on the disk."""
