"""`tem-rf train --from` refuses what does not fit in one line, and makes nothing."""

from pathlib import Path

import pytest

from tests.helpers.command import tem_rf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "nothing"], "nothing: no such model or run"),
        (["--from", "bright-field", "--network", "n2-p44"], "--network: n2-p44 does not fit bright-field (n3-p222)"),
        (["--freeze", "encoder"], "--freeze: is used with --from only"),
    ],
)
def test_what_does_not_fit_is_refused(
    options: list[str],
    message: str,
    tiny_dataset: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = tem_rf(capfd, monkeypatch, "train", tiny_dataset, "--runs", tmp_path / "runs", *options)
    assert result.code != 0
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()
