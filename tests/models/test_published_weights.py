"""Published networks are read from their PyTorch files, in which nothing runs."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tem_rf import Architecture
from tem_rf.errors import ReadError
from tem_rf.models import pytorch_pickle
from tem_rf.models.published_weights import read_published_network
from tests.helpers.published_file import Tensor, module, named_weights, unet, write_pytorch_file
from tests.helpers.repository import shared_file

PUBLISHED = {
    "UNet_b2_Au_m22_run1_model.h5": ("n2-p22", 8074),
    "20210922_UNet_b2_m44_run5_model.h5": ("n2-p44", 8074),
    "UNet_10nmAu330kX425eUTC_fold0_seed962_model.h5": ("n4-p2222", 130682),
}


class Creates:
    """Unpickled without care it makes a file."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.victim), "w")


@pytest.mark.reference
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_architecture_of_published_networks_is_read(name: str) -> None:
    network = read_published_network(shared_file("reference", "authors_weights", name))
    assert (network.architecture.name, network.architecture.parameters) == PUBLISHED[name]


@pytest.mark.reference
def test_published_weights_are_those_of_the_reference() -> None:
    network = read_published_network(shared_file("reference", "authors_weights", "UNet_b2_Au_m22_run1_model.h5"))
    with np.load(shared_file("reference", "unet_UNet_b2_Au_m22_run1.npz")) as arrays:
        assert len(network.weights) == sum(name.startswith("w/") for name in arrays.files)
        for name, array in network.weights.items():
            layer, weight = name.split("/")
            block, _, part = layer.partition("_")
            np.testing.assert_array_equal(array, arrays[f"w/{block}/{part or 'conv'}/{weight}"])


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", ["n2-p42", "n3-p222-d1124", "n1-p8-k5-f3.7"])
def test_both_layouts_give_architecture_and_weights_back(name: str, legacy: bool, tmp_path: Path) -> None:
    architecture = Architecture.from_name(name)
    weights = named_weights(architecture)
    network = read_published_network(write_pytorch_file(tmp_path / "n.h5", unet(architecture, weights), legacy=legacy))
    assert network.architecture == architecture
    assert network.weights.keys() == weights.keys()
    for key, array in weights.items():
        np.testing.assert_array_equal(network.weights[key], array)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_a_file_that_would_create_a_file_is_refused_and_runs_nothing(
    legacy: bool, nested: bool, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    hidden = module("UNet", tensors={"weight": {"deep": [Creates(victim)]}}) if nested else Creates(victim)
    path = write_pytorch_file(tmp_path / "evil.h5", hidden, legacy=legacy)
    with pytest.raises(ReadError, match=r"evil\.h5: refers to (io|_io)\.open, which is neither a layer nor a tensor"):
        read_published_network(path)
    assert not victim.exists()
    pickle.loads(pickle.dumps(Creates(victim))).close()
    assert victim.exists(), "a plain unpickler runs it: the test can fail"


@pytest.mark.parametrize("part", range(5))
def test_every_pickle_of_the_old_layout_is_held_to_the_same_rule(part: int, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    header: list[Any] = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, None, []]
    parts = [pickle.dumps(one, protocol=2) for one in header]
    parts[part] = pickle.dumps(Creates(victim), protocol=2)
    (tmp_path / "evil.h5").write_bytes(b"".join(parts))
    with pytest.raises(ReadError, match=r"refers to (io|_io)\.open"):
        read_published_network(tmp_path / "evil.h5")
    assert not victim.exists()


@pytest.mark.parametrize(
    ("program", "named"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),  # the oldest protocol: INST
        (b"ctorch\nload\n.", "torch.load"),
        (b"ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"),
        (b"\x80\x04\x8c\x05torch\x8c\x15FloatStorage.__init__\x93.", "torch.FloatStorage.__init__"),
        (b"c__main__\nDownloader\n.", "__main__.Downloader"),
        (b"ctorch.nn.modules.module\nModule\n.", "torch.nn.modules.module.Module"),
    ],
)
def test_whatever_is_no_layer_is_refused_by_name(program: bytes, named: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.h5", "w") as archive:
        archive.writestr("archive/data.pkl", program)
    with pytest.raises(ReadError, match=f"refers to {named}, which"):
        read_published_network(tmp_path / "evil.h5")


@pytest.mark.parametrize("name", ["torch._utils _rebuild_tensor_v2", "__main__ UNet", "collections OrderedDict"])
def test_what_stands_for_pytorch_cannot_be_changed_by_a_file(name: str, tmp_path: Path) -> None:
    program = "c{}\n{}\n(N}}S'__doc__'\nS'changed'\nstb.".format(*name.split())  # BUILD sets attributes
    with zipfile.ZipFile(tmp_path / "evil.h5", "w") as archive:
        archive.writestr("archive/data.pkl", program)
    with pytest.raises(ReadError, match=r"evil\.h5: (tries to modify|is not a PyTorch file)"):
        read_published_network(tmp_path / "evil.h5")
    assert pytorch_pickle.OrderedDict.__doc__ != "changed"


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("shape", [(1 << 40, 1, 3, 3), (4, 1, 3, 4), (-4, 1, 3, 3)])
def test_a_tensor_larger_than_its_storage_is_refused(legacy: bool, shape: tuple[int, ...], tmp_path: Path) -> None:
    tree = unet(Architecture((2, 2)), named_weights(Architecture((2, 2))))
    tree[1]["_modules"]["downs"][1]["_modules"]["0"][1]["_modules"]["conv1"][1]["_parameters"]["weight"].shape = shape
    with pytest.raises(ReadError, match="does not fit its storage of 36 numbers"):
        read_published_network(write_pytorch_file(tmp_path / "n.h5", tree, legacy=legacy))


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    tree = unet(Architecture((2, 2)), named_weights(Architecture((2, 2))))
    for legacy in (False, True):
        whole = write_pytorch_file(tmp_path / "n.h5", tree, legacy=legacy).read_bytes()
        for length in (0, 1, 40, len(whole) // 3, len(whole) // 2, len(whole) - 7):
            (tmp_path / "cut.h5").write_bytes(whole[:length])
            with pytest.raises(ReadError, match=r"^.*cut\.h5: [^\n]+$"):
                read_published_network(tmp_path / "cut.h5")


def test_a_storage_of_another_length_than_the_network_says_is_refused(tmp_path: Path) -> None:
    path = write_pytorch_file(tmp_path / "n.h5", unet(Architecture((2, 2)), named_weights(Architecture((2, 2)))))
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["archive/data/0"] = entries["archive/data/0"][:-4]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(ReadError, match="storage 0 has 140 bytes, its network expects 144"):
        read_published_network(path)


def test_a_pickle_that_would_fill_memory_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "big.h5", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02Nr\xff\xff\xff\x7f.")
    with pytest.raises(ReadError, match="has memo index 2147483647"):
        read_published_network(tmp_path / "big.h5")


@pytest.mark.parametrize(
    ("place", "setting", "value", "said"),
    [
        ("conv1", "padding", (0, 0), "expected padding of conv1 1, received 0"),
        ("conv1", "dilation", (2, 2), "expected padding of conv1 2, received 1"),
        ("conv2", "stride", (2, 2), "expected stride of conv2 1, received 2"),
        ("bn1", "eps", 1e-3, "expected epsilon of bn1 1e-05, received 0.001"),
    ],
)
def test_a_layer_that_computes_something_else_is_refused(
    place: str, setting: str, value: tuple[int, ...] | float, said: str, tmp_path: Path
) -> None:
    tree = unet(Architecture((2, 2)), named_weights(Architecture((2, 2))))
    tree[1]["_modules"]["downs"][1]["_modules"]["0"][1]["_modules"][place][1][setting] = value
    with pytest.raises(ReadError, match=said):
        read_published_network(write_pytorch_file(tmp_path / "n.h5", tree))


def test_weights_alone_are_refused_since_they_do_not_say_the_pooling(tmp_path: Path) -> None:
    path = write_pytorch_file(tmp_path / "n.h5", {"downs.0.conv1.weight": Tensor(np.zeros((4, 1, 3, 3)))})
    with pytest.raises(ReadError, match="weights alone do not define the pooling"):
        read_published_network(path)
