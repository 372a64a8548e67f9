"""The code blocks of a page: what a reader would save, under the name in the block's first line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
_NAMED = re.compile(r"# (append to )?([\w./-]+\.(?:py|toml|graphql|ya?ml))\n")


def code_blocks(page: str) -> Iterator[tuple[str, str]]:
    """The blocks of a page in order, each with its language."""
    text = (DOCS / page).read_text(encoding="utf-8")
    yield from re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def save_files(page: str, folder: Path) -> list[str]:
    """Write the blocks that name their file into a folder; gives the names."""
    names = []
    for _, text in code_blocks(page):
        found = _NAMED.match(text)
        if found is None:
            continue
        path = folder / found[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if found[1] else "w", encoding="utf-8") as file:
            file.write("\n\n" + text[found.end() :] if found[1] else text)
        names.append(found[2])
    return names
