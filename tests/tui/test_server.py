"""The app in a browser: only on this machine, and only with the token."""

import asyncio
import json
import socket
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("textual_serve")

from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from tem_rf.data.tiff import write_tiff
from tem_rf_tui.server import LOOPBACK, AppServer
from tests.helpers.waiting import wait_for

_TOKEN = "s3cret-token"


def _ask(folder: Path, *requests: dict[str, Any]) -> list[tuple[int, str]]:
    """Status and text of each answer; the client keeps its cookies."""

    async def run() -> list[tuple[int, str]]:
        server = AppServer(folder, 8765, _TOKEN)
        assert server.host == LOOPBACK
        answers = []
        async with TestClient(TestServer(await server._make_app(), host=LOOPBACK)) as client:
            for request in requests:
                response = await client.get(request.pop("path", "/"), allow_redirects=False, **request)
                answers.append((response.status, await response.text()))
        return answers

    return asyncio.run(run())


def test_nothing_is_served_without_the_token_and_everything_with_its_cookie(folder: Path) -> None:
    wrong = {"params": {"token": "wrong"}}
    right = {"params": {"token": _TOKEN}}
    answers = _ask(folder, {}, {"path": "/ws"}, {"path": "/static/js/textual.js"}, wrong, right, {})
    assert [status for status, _ in answers] == [403, 403, 403, 403, 302, 200]
    assert "ws://127.0.0.1:" in answers[-1][1]
    assert _TOKEN not in answers[-1][1]


def test_other_sites_and_other_names_of_this_machine_are_refused(folder: Path) -> None:
    right = {"params": {"token": _TOKEN}}
    elsewhere = {"Host": "evil.example:8765"}
    answers = _ask(folder, {**right, "headers": elsewhere}, right, {"headers": {"Origin": "http://evil.example"}})
    assert [status for status, _ in answers] == [403, 302, 403]


def test_a_picture_opens_in_pixels_in_the_browser(folder: Path) -> None:
    (folder / "new").mkdir()
    write_tiff(folder / "new" / "a.tif", np.eye(700, dtype=np.float32), pixel_size_nm=0.02)

    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tem_rf", "serve", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    async def run(address: str) -> bytes:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:  # also of an address without a name
            await client.get(address)
            async with client.ws_connect(f"http://{LOOPBACK}:{port}/ws?width=120&height=40") as app:
                await _received(app, "700 x 700 px")
                await app.send_str(json.dumps(["stdin", "P"]))
                kind, key = json.loads(await _received(app, "deliver_file_start"))
                assert kind == "deliver_file_start"
                answer = await client.get(f"http://{LOOPBACK}:{port}/download/{key}")
                assert answer.content_type == "image/png"
                assert answer.headers["Content-Disposition"].startswith("inline")
                return await answer.read()

    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        wait_for(lambda: _is_open(port))
        content = asyncio.run(asyncio.wait_for(run(address), 60))
    finally:
        server.terminate()
        server.communicate()
    picture = Image.open(BytesIO(content))
    assert picture.size == (700, 700)
    assert picture.getpixel((5, 5)) == (255, 255, 255)
    assert picture.getpixel((5, 50)) == (0, 0, 0)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


async def _received(app: ClientWebSocketResponse, words: str) -> str:
    """The message with these words; text on the screen comes in pieces, so its end is kept."""
    text = ""
    async for message in app:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            continue
        new = message.data if isinstance(message.data, str) else message.data.decode(errors="replace")
        text = text[-10_000:] + new
        if words in text:
            return new
    raise AssertionError(f"the app ended without {words!r}")
