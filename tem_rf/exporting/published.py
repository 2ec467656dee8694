"""Convert a published network of the study to a saved model."""

from pathlib import Path

from tem_rf.config.preparation import Normalization, PreprocessingSettings
from tem_rf.errors import ReadError
from tem_rf.exporting.folder import write_model_folder
from tem_rf.inference.card import FieldOfView, ImportedFile, ModelCard
from tem_rf.models.published_unet import build_published_unet
from tem_rf.models.published_weights import published_normalization, read_published_network
from tem_rf.runs.environment import package_versions


def import_published_network(
    path: Path, output: Path, *, normalization: Normalization | None = None, pixel_size_nm: float | None = None
) -> ModelCard:
    """Read a PyTorch file of the study and write it as a saved model.

    Args:
        path: File to read; no code in it is executed.
        output: Folder to write, completely or not at all.
        normalization: Normalization that the network expects; None for that of the authors, see
            `published_normalization`.
        pixel_size_nm: Pixel size the network was trained at [nm], which the file does not contain.

    Raises:
        ReadError: The file is damaged, unsafe, or contains another kind of network.
        StorageError: The disk is full or the folder is not writable.
    """
    network = read_published_network(path)
    try:
        model = build_published_unet(network)
    except ReadError as error:
        raise ReadError(f"{path}: {error}") from error
    architecture = network.architecture
    card = ModelCard(
        name=output.name,
        architecture=architecture,
        parameters=architecture.parameters,
        receptive_field=FieldOfView.of(architecture, pixel_size_nm),
        stride_px=architecture.stride,
        pixel_size_nm=pixel_size_nm,
        preprocessing=PreprocessingSettings(normalization=normalization or published_normalization(architecture)),
        done_before=[],
        imported_from=ImportedFile(name=path.name, sha256=network.sha256),
        made_with=package_versions(),
    )
    return write_model_folder(model, card, output)
