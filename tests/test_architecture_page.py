"""docs/architecture.md names every module, and no module that is not there."""

import re

from tests.helpers.repository import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def modules() -> set[str]:
    """Modules of the packages, without their __init__ and __main__."""
    return {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for package in ("tem_rf", "tui/tem_rf_tui")
        for path in (ROOT / package).rglob("*.py")
        if not path.stem.startswith("__")
    }


def rooms() -> set[str]:
    """Modules that the tables of rooms name: `folder/`: `module`, `module`; `folder/`: ..."""
    named = set()
    for row in re.findall(r"^\| (.+?) \| .+ \|$", PAGE, flags=re.MULTILINE):
        folder = ""
        for name in re.findall(r"`([\w/]+)`", row):
            if name.endswith("/"):
                folder = name if name.startswith("tui") else f"tem_rf/{name}"
            else:
                named.add(f"{folder or 'tem_rf/'}{name}")
    return named


def test_every_module_has_its_place_on_the_page() -> None:
    assert modules() - rooms() == set()


def test_the_page_names_no_module_that_is_not_there() -> None:
    assert rooms() - modules() == set()
