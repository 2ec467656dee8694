"""The app in a browser: only on this machine, and only with the token."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("textual_serve")

from aiohttp.test_utils import TestClient, TestServer

from tem_rf_tui.server import LOOPBACK, AppServer

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
