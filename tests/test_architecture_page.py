"""docs/architecture.md has one line per package, and names only modules that exist."""

import re

from tests.helpers.repository import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def packages() -> set[str]:
    """Packages of the library and the app, as folders."""
    return {
        path.parent.relative_to(ROOT).as_posix()
        for top in ("tem_rf", "tui/tem_rf_tui")
        for path in (ROOT / top).rglob("__init__.py")
    } - {"tem_rf"}


def test_every_package_has_one_line() -> None:
    assert sorted(re.findall(r"^\| `([\w/]+)` \|", PAGE, flags=re.MULTILINE)) == sorted(packages())


def test_every_module_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    assert len(named) > 20
    roots = [ROOT, ROOT / "tem_rf", ROOT / "tui", ROOT / "tui" / "tem_rf_tui"]
    assert [name for name in named if not any((root / name).is_file() for root in roots)] == []
