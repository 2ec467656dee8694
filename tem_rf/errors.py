"""Typed errors: one clear line each, and the exit code of the command."""


class TemRfError(Exception):
    """A problem that the user can fix.

    The message states what happened and where, what was expected, what was received and what to do next.
    """

    exit_code = 1


class ArchitectureError(TemRfError):
    """An architecture that cannot be built, or an invalid architecture name."""

    exit_code = 2


class SettingsError(TemRfError):
    """A setting out of range, or settings that contradict each other."""

    exit_code = 2


class TooManyOutliersError(SettingsError):
    """An x-ray threshold so low that it marks pixels of the image itself."""


class ReadError(TemRfError):
    """A file that cannot be read as a micrograph, a label or a model."""


class DatasetError(TemRfError):
    """Micrographs, labels or a dataset folder that cannot be used."""


class NoBraggPeaksError(TemRfError):
    """An image without lattice fringes, which Fourier filtering needs."""


class RunError(TemRfError):
    """A run folder that is missing, in use, of another schema version or in the wrong state."""


class StudyError(TemRfError):
    """A study whose definition, search space or folder cannot be used."""

    exit_code = 2


class TrainingError(TemRfError):
    """A training that cannot continue, for example because the loss became NaN."""


class UntrustedMaskError(TemRfError):
    """A mask that cannot be trusted, where the user asked for an error in that case."""

    exit_code = 3


class ModelError(TemRfError):
    """A model folder or file that cannot be used."""


class StorageError(TemRfError):
    """A result that could not be written: disk full, or no permission."""


class NameTooLongError(StorageError):
    """A result whose name is too long for the file system. Results of other files may still be written."""


class DiskFullError(StorageError):
    """A result that could not be written because the disk is full."""


class EditError(TemRfError):
    """An edit of a label that cannot be made there, for example a flood without an outline."""


class LabelChangedError(TemRfError):
    """A label that another program has changed since it was read, so saving would overwrite its work."""


class PlatformError(TemRfError):
    """Something that this operating system cannot do."""
