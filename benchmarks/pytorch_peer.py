"""Start PyTorch in a process of its own, with the Python that has it."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--torch-python", type=Path, default=Path(sys.executable), help="Python of an environment with torch and numpy"
    )


@contextmanager
def peer(python: Path, script: str, *arguments: object) -> Iterator[tuple[IO[str], IO[str]]]:
    """Run a script of this folder with PyTorch; yields its input and output. It ends with the block.

    Raises:
        SystemExit: It did not start, most likely because torch is not installed.
    """
    command = [str(python), str(Path(__file__).with_name(script)), *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as started:
        assert started.stdin
        assert started.stdout
        try:
            yield started.stdin, started.stdout
        finally:
            started.kill()


def answer(output: IO[str]) -> dict:
    """Return the next line of a peer, as JSON.

    Raises:
        SystemExit: The peer has ended; its error is above.
    """
    line = output.readline()
    if not line:
        sys.exit(
            "PyTorch ended, see the error above; pip install torch numpy, or name an environment by --torch-python."
        )
    return json.loads(line)
