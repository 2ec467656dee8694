"""The shell blocks of a page, and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:<!-- not executed: (?P<reason>.+?) -->\n)?```sh\n(?P<script>.*?)^```", flags=re.MULTILINE | re.DOTALL
)
_HEREDOC = re.compile(r"<<'(\w+)'\n.*?^\1$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of shell.

    Attributes:
        script: What a reader pastes.
        reason: Why a test does not run it; None: it does.
    """

    script: str
    reason: str | None

    def tem_rf_commands(self) -> Iterator[list[str]]:
        """Arguments of every `tem-rf` in it."""
        for line in _HEREDOC.sub("", self.script).replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if "tem-rf" in words:
                yield words[words.index("tem-rf") + 1 :]


def blocks(page: Path) -> list[Block]:
    """The shell blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(match["script"], match["reason"]) for match in _BLOCK.finditer(text)]
