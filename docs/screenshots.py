"""Make the screenshots of the terminal app in the README, on a folder with a dataset and a trained network.

Run: python docs/screenshots.py demo     (`make screenshots` makes the folder first)
Writes docs/images/tui-*.svg.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from tem_rf_tui.app import TemRfApp

IMAGES = Path(__file__).parent / "images"
SIZE = (140, 40)
SHOTS: dict[str, tuple[str, ...]] = {"tui-data": ("1",), "tui-train": ("3",), "tui-patches": ("3", "v")}
"""Keys to press for each screenshot."""


def main() -> None:
    """Make every screenshot."""
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as own:  # the app's saved state of the user stays unchanged
        os.environ |= {"XDG_CONFIG_HOME": own, "XDG_STATE_HOME": own}
        for name, keys in SHOTS.items():
            path = IMAGES / f"{name}.svg"
            path.write_text(asyncio.run(screenshot(folder, keys)), encoding="utf-8")
            print(path)


async def screenshot(folder: Path, keys: tuple[str, ...]) -> str:
    """Return the app as SVG after pressing some keys."""
    app = TemRfApp(folder)
    async with app.run_test(size=SIZE) as pilot:
        await until_still(pilot, lambda: app.export_screenshot())
        for key in keys:
            await pilot.press(key)
        await until_still(pilot, lambda: app.export_screenshot())
        return app.export_screenshot(title="tem-rf")


async def until_still(pilot: Pilot[None], look: Callable[[], str], *, seconds: float = 2) -> None:
    """Wait until the screen has not changed for a while: files are read in the background."""
    seen = ""
    while (now := look()) != seen:
        seen = now
        await pilot.pause(seconds)


if __name__ == "__main__":
    main()
