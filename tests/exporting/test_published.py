"""An imported network segments as its authors' does."""

from pathlib import Path

import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.data.micrograph import Micrograph
from tem_rf.errors import ReadError
from tem_rf.exporting.published import import_published_network
from tem_rf.inference.card import ModelCard
from tem_rf.inference.model import load_segmenter
from tem_rf.inference.predict import segment_micrograph
from tests.helpers.published_file import named_weights, positive_variances, unet, write_pytorch_file
from tests.helpers.repository import shared_file


@pytest.mark.reference
def test_logits_of_an_imported_network_equal_those_of_the_study(tmp_path: Path) -> None:
    file = shared_file("reference", "authors_weights", "UNet_b2_Au_m22_run1_model.h5")
    card = import_published_network(file, tmp_path / "m22")
    assert (card.preprocessing.normalization, card.training, card.imported_from.name) == ("min-max", None, file.name)
    with np.load(shared_file("reference", "unet_UNet_b2_Au_m22_run1.npz")) as arrays:
        logits = load_segmenter(tmp_path / "m22").logits(arrays["image"])
        np.testing.assert_allclose(logits, arrays["logits"], rtol=0, atol=1e-4)


def test_an_imported_network_segments_micrographs(tmp_path: Path) -> None:
    architecture = Architecture((2, 2, 2, 2))
    file = write_pytorch_file(tmp_path / "deep.h5", unet(architecture, positive_variances(named_weights(architecture))))
    import_published_network(file, tmp_path / "deep", pixel_size_nm=0.02)
    card = ModelCard.read(tmp_path / "deep")
    assert (card.preprocessing.normalization, card.pixel_size_nm, card.dataset) == ("standard", 0.02, None)
    counts = np.random.default_rng(0).poisson(100, (70, 45)).astype(np.uint16)
    result = segment_micrograph(load_segmenter(tmp_path / "deep"), Micrograph(counts))
    assert result.probability.shape == (70, 45)
    assert np.isfinite(result.probability).all()


def test_a_network_with_a_weight_of_another_shape_leaves_nothing_behind(tmp_path: Path) -> None:
    architecture = Architecture((2, 2))
    weights = named_weights(architecture)
    weights["decoder0_conv1/kernel"] = weights["decoder0_conv1/kernel"][:, :, :-1]
    file = write_pytorch_file(tmp_path / "odd.h5", unet(architecture, weights))
    with pytest.raises(ReadError, match=r"odd\.h5: decoder0_conv1/kernel: expected \(3, 3, 12, 4\)"):
        import_published_network(file, tmp_path / "out" / "odd")
    assert not (tmp_path / "out").exists()
