"""Strings, docstrings and pages use plain English, by the word list of docs/style.md."""

from pathlib import Path

import pytest

from tests.helpers.plain_words import STYLE, files, name_of, rules, uses

RULES = rules(STYLE.read_text(encoding="utf-8"))


def words(path: Path, text: str) -> list[tuple[int, str]]:
    path.write_text(text, encoding="utf-8")
    return [(use.line, use.word) for use in uses(path, RULES)]


def test_no_file_uses_words_of_the_list() -> None:
    found = [
        f"{name_of(path)}:{use.line}: {use.word}: write {use.write}" for path in files() for use in uses(path, RULES)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Why stands above.", [(1, "stands")]),
        ("First line.\nIt goes\non.", [(2, "goes on")]),
        ("Headers are held right away against the size.", [(1, "held right away against")]),
        ("Held, as it was one day long before, against it.", []),
        ("The least of three, at least 2, by least squares.", [(1, "least")]),
        ("A stand-in, a standard, to understand.", []),
        ("The flag `--least` and [a link](whoever.md).\n```sh\nmend\n```\nAnew.", [(5, "Anew")]),
    ],
)
def test_words_are_found_in_prose_and_not_in_code(text: str, found: list[tuple[int, str]], tmp_path: Path) -> None:
    assert words(tmp_path / "page.md", text) == found


def test_words_are_found_in_strings_and_docstrings_and_not_in_names(tmp_path: Path) -> None:
    code = '''"""One line.

It lies here.

>>> mend("whoever it is")
"""
stands = f"it {1} stands there"
mode = "least"  # goes on
'''
    assert words(tmp_path / "module.py", code) == [(3, "lies"), (7, "stands")]


def test_the_list_of_words_is_read_whole() -> None:
    rows = STYLE.read_text(encoding="utf-8").partition("### Word list")[2].count("\n| ") - 1
    assert len(RULES) == rows > 10
