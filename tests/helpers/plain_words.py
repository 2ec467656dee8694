"""The words of docs/style.md that plain English does without, and where they are used.

Run: python -m tests.helpers.plain_words

Prints every use in a file.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.repository import ROOT

STYLE = ROOT / "docs" / "style.md"
_GAP = r"(?:[\w'-]+\s+){0,3}"
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`|<!--.*?-->|\]\([^)]*\)", re.MULTILINE | re.DOTALL)
_DOCTEST = re.compile(r"^\s*(?:>>>|\.\.\.).*$", re.MULTILINE)
_TEMPLATE = re.compile(r"<style.*?</style>|<[^>]*>|\{[{%#].*?[}%#]\}", re.DOTALL)


@dataclass(frozen=True)
class Rule:
    """A row of the word list: a word in its forms, what to write, and phrases in which it is right."""

    avoid: re.Pattern[str]
    write: str
    allowed: re.Pattern[str] | None


@dataclass(frozen=True)
class Use:
    """A word that is used.

    Attributes:
        line: Its line in the file, from 1.
        word: The word.
        write: What to write.
    """

    line: int
    word: str
    write: str


def rules(style: str) -> list[Rule]:
    """The word list of a page."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| ?(.*?) ?\|$", style.partition("### Word list")[2], re.MULTILINE)
    return [
        Rule(_pattern(avoid), write, _pattern(allowed) if allowed else None)
        for avoid, write, allowed in rows
        if avoid != "avoid" and not avoid.startswith("---")
    ]


def uses(path: Path, words: list[Rule]) -> list[Use]:
    """Words to avoid in the prose of a file, line by line."""
    found = []
    for first_line, text in _prose(path):
        for rule in words:
            kept = _blank(rule.allowed, text) if rule.allowed else text
            for match in rule.avoid.finditer(kept):
                line = first_line + kept.count("\n", 0, match.start())
                found.append(Use(line, " ".join(match[0].split()), rule.write))
    return sorted(set(found), key=lambda use: (use.line, use.word))


def files() -> list[Path]:
    """Files with prose that users or readers see, without the page that lists the words."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "saved_models" / "README.md"]
    code = [path for package in ("tem_rf", "tui") for kind in ("*.py", "*.j2") for path in (ROOT / package).rglob(kind)]
    return sorted({*pages, *code} - {STYLE})


def name_of(path: Path) -> str:
    """The path from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def _pattern(phrases: str) -> re.Pattern[str]:
    forms = [_form(phrase.strip()) for phrase in phrases.split(",")]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(forms)})(?![\w-])", re.IGNORECASE)


def _form(phrase: str) -> str:
    return re.escape(phrase).replace(r"\ …\ ", rf"\s+{_GAP}").replace(r"\ ", r"\s+")


def _prose(path: Path) -> Iterator[tuple[int, str]]:
    """Pieces of text and their first lines, with what is no prose blanked."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield 1, _blank(_CODE, content)
    elif path.suffix == ".j2":
        yield 1, _blank(_TEMPLATE, content)
    else:
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                yield node.lineno, _blank(_CODE, _blank(_DOCTEST, node.value))


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """The text with spaces in place of what matches, so that lines keep their numbers."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def main() -> None:
    """Print what is used where."""
    words = rules(STYLE.read_text(encoding="utf-8"))
    for path in files():
        for use in uses(path, words):
            print(f"{name_of(path)}:{use.line}: {use.word}: write {use.write}")


if __name__ == "__main__":
    main()
