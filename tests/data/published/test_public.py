"""The download of published sets, against a server of this machine that misbehaves on demand."""

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from tem_rf.cli.app import app
from tem_rf.config.preparation import preparation_settings
from tem_rf.data.pairing import pair_labels
from tem_rf.data.preparation.presets import preset_changes
from tem_rf.data.published.download import download_file
from tem_rf.data.published.public import PUBLISHED_SETS, fetch_published
from tem_rf.errors import DatasetError, SettingsError, StorageError


class Zenodo(ThreadingHTTPServer):
    """Serves records; `cut_after` makes it hang up after so many bytes of a file, `ranges` answers Range requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.checksums: dict[str, str] = {}
        self.cut_after: int | None = None
        self.ranges = True
        self.refuse = False
        self.requested_ranges: list[str | None] = []

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api"

    def add(self, name: str, content: bytes) -> None:
        self.files[name] = content
        self.checksums[name] = f"md5:{hashlib.md5(content).hexdigest()}"

    def url(self, name: str) -> str:
        return f"{self.api}/files/{name}"

    def record(self) -> bytes:
        files = [
            {"key": name, "size": len(content), "checksum": self.checksums[name], "links": {"self": self.url(name)}}
            for name, content in self.files.items()
        ]
        return json.dumps({"files": files}).encode()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        zenodo = self.server
        assert isinstance(zenodo, Zenodo)
        if self.path.startswith("/api/records/"):
            content = zenodo.record()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            return
        if zenodo.refuse:
            self.send_error(403)
            return
        content = zenodo.files[unquote(self.path.rpartition("/")[2])]
        asked = self.headers.get("Range")
        zenodo.requested_ranges.append(asked)
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and zenodo.ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = len(content) if zenodo.cut_after is None else start + zenodo.cut_after
        self.wfile.write(content[start:end])
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def zenodo() -> Iterator[Zenodo]:
    server = Zenodo()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


CONTENT = np.random.default_rng(1).bytes(400_000)


def fetch(zenodo: Zenodo, path: Path, **changes: Any) -> None:
    arguments = {"size": len(CONTENT), "pause_s": 0.0} | changes
    download_file(zenodo.url("au.h5"), path, zenodo.checksums["au.h5"], **arguments)


def test_a_file_arrives_whole_and_is_not_fetched_twice(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add("au.h5", CONTENT)
    seen: list[int] = []
    fetch(zenodo, tmp_path / "au.h5", progress=seen.append)
    assert (tmp_path / "au.h5").read_bytes() == CONTENT
    assert seen[-1] == len(CONTENT)
    fetch(zenodo, tmp_path / "au.h5")
    assert len(zenodo.requested_ranges) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["au.h5"]


def test_a_cut_connection_is_taken_up_where_it_broke(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add("au.h5", CONTENT)
    zenodo.cut_after = 150_000
    fetch(zenodo, tmp_path / "au.h5")
    assert (tmp_path / "au.h5").read_bytes() == CONTENT
    assert zenodo.requested_ranges == [None, "bytes=131072-", "bytes=262144-"]


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole_again(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add("au.h5", CONTENT)
    (tmp_path / "au.h5.part").write_bytes(CONTENT[:30_000])
    zenodo.ranges = False
    fetch(zenodo, tmp_path / "au.h5")
    assert (tmp_path / "au.h5").read_bytes() == CONTENT


def test_what_came_is_kept_for_the_next_call_when_the_server_stays_dead(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add("au.h5", CONTENT)
    (tmp_path / "au.h5.part").write_bytes(CONTENT[:30_000])
    zenodo.cut_after = 0
    with pytest.raises(DatasetError, match=r"received 30000 of 400000 bytes, then nothing more.*again to resume"):
        fetch(zenodo, tmp_path / "au.h5")
    assert not (tmp_path / "au.h5").exists()
    zenodo.cut_after = None
    fetch(zenodo, tmp_path / "au.h5")
    assert (tmp_path / "au.h5").read_bytes() == CONTENT
    assert zenodo.requested_ranges[-1] == "bytes=30000-"


def test_a_file_with_a_wrong_checksum_is_removed_and_refused(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add("au.h5", CONTENT)
    zenodo.files["au.h5"] = CONTENT[:-1] + b"\0"
    with pytest.raises(DatasetError, match=r"does not have the checksum md5:.*was removed"):
        fetch(zenodo, tmp_path / "au.h5")
    assert not list(tmp_path.iterdir())


def test_a_refusal_of_the_server_is_not_asked_again(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add("au.h5", CONTENT)
    zenodo.refuse = True
    with pytest.raises(DatasetError, match=r"received 0 of 400000 bytes.*403"):
        fetch(zenodo, tmp_path / "au.h5", pause_s=1000)


def test_a_disk_that_fills_up_while_writing_is_reported(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add("au.h5", CONTENT)
    (tmp_path / "au.h5.part").symlink_to("/dev/full")
    with pytest.raises(StorageError, match="no space left on the disk"):
        fetch(zenodo, tmp_path / "au.h5")
    assert not (tmp_path / "au.h5").exists()


def add_study(zenodo: Zenodo) -> None:
    for size in ("2.2nm", "5nm", "10nm", "20nm"):
        for kind in ("images", "labels"):
            zenodo.add(f"Au_{size}_{kind}.h5", f"{size} {kind}".encode())
    zenodo.add("readme_25nm.txt", b"nothing")


@pytest.mark.parametrize("size", ["2.2nm", "5nm", "10nm", "20nm"])
def test_a_set_is_found_in_its_record_by_its_size(size: str, zenodo: Zenodo, tmp_path: Path) -> None:
    add_study(zenodo)
    paths = fetch_published(f"au-{size}", tmp_path, api=zenodo.api)
    assert [path.name for path in paths] == [f"Au_{size}_images.h5", f"Au_{size}_labels.h5"]
    assert paths[0].read_text() == f"{size} images"


@pytest.mark.parametrize("spelling", ["2p2nm", "2_2nm", "2.2 nm", "22nm", "2-2_NM"])
def test_the_smallest_size_is_known_however_it_is_spelled(spelling: str, zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add(f"{spelling}_images.h5", b"a")
    zenodo.add("12nm_images.h5", b"b")
    assert len(fetch_published("au-2.2nm", tmp_path, api=zenodo.api)) == 1


def test_files_of_other_names_are_listed_and_can_be_named(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.add("gold.h5", b"a")
    with pytest.raises(DatasetError, match=r"a name with 5nm; it has gold\.h5: select the right ones with `file`"):
        fetch_published("au-5nm", tmp_path, api=zenodo.api)
    assert fetch_published("au-5nm", tmp_path, api=zenodo.api, files=("gold.h5",)) == [tmp_path / "gold.h5"]


def test_a_name_in_a_record_cannot_lead_out_of_the_folder(
    zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zenodo.add("evil_5nm.h5", b"a")
    record = zenodo.record().replace(b'"key": "evil', b'"key": "../../evil')
    monkeypatch.setattr(zenodo, "record", lambda: record)
    (path,) = fetch_published("au-5nm", tmp_path / "in", api=zenodo.api)
    assert path == tmp_path / "in" / "evil_5nm.h5"


def test_a_disk_without_room_is_noticed_before_anything_is_fetched(
    zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_study(zenodo)
    usage = SimpleNamespace(total=10, used=9, free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StorageError, match="MB to fetch, but only 0 MB are free"):
        fetch_published("au-5nm", tmp_path, api=zenodo.api)
    assert not zenodo.requested_ranges


def test_an_unknown_set_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"choose one of au-2\.2nm, au-5nm"):
        fetch_published("au-7nm", tmp_path)


def test_no_network_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be reached") as refusal:
        fetch_published("au-5nm", tmp_path, api="http://127.0.0.1:9/api")
    assert "\n" not in str(refusal.value)


def test_an_answer_that_is_no_record_is_refused(
    zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zenodo, "record", lambda: b'{"message": "gone"}')
    with pytest.raises(DatasetError, match="does not list files in Zenodo's format"):
        fetch_published("au-5nm", tmp_path, api=zenodo.api)


def test_pixel_sizes_and_thresholds_are_those_of_the_study() -> None:
    sizes = {name: (item.pixel_size_nm, item.outlier_threshold) for name, item in PUBLISHED_SETS.items()}
    assert sizes == {
        "au-2.2nm": (0.02, 1500),
        "au-5nm": (0.02, 1500),
        "au-10nm": (0.02, 1500),
        "au-20nm": (0.1243, 400),
        "groschner-2021": (0.02152, None),
    }


def test_the_command_fetches_a_pair_that_pairs(zenodo: Zenodo, tmp_path: Path) -> None:
    for kind in ("images", "labels"):
        with h5py.File(tmp_path / "made.h5", "w") as file:
            file[kind] = np.ones((2, 8, 8), np.uint16)
        zenodo.add(f"5nm_{kind}.h5", (tmp_path / "made.h5").read_bytes())
    arguments = ["data", "fetch", "au-5nm", "--out", str(tmp_path / "data"), "--api", zenodo.api]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == [str(tmp_path / f"data/au-5nm/5nm_{kind}.h5") for kind in ("images", "labels")]
    assert "--pixel-size-nm 0.02 --xray-threshold 1500" in result.stderr
    assert len(pair_labels(tmp_path / "data/au-5nm").pairs) == 1


def test_without_a_name_the_sets_are_listed() -> None:
    listed = json.loads(CliRunner().invoke(app, ["data", "fetch", "--json"]).stdout)
    assert [item["name"] for item in listed] == list(PUBLISHED_SETS)


@pytest.mark.parametrize("name", PUBLISHED_SETS)
def test_each_published_set_has_settings_to_prepare_it_with(name: Any) -> None:
    assert preparation_settings(**preset_changes(name)).pixel_size_nm == PUBLISHED_SETS[name].pixel_size_nm


def test_a_set_that_was_not_published_names_those_that_were() -> None:
    with pytest.raises(SettingsError, match=r"expected one of .*au-20nm.*received 'au'"):
        preset_changes("au")
