"""The Markdown pages of the repository: which there are, where their links lead, and the readers they are for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^()\s]+)\)")
GROUP = re.compile(r"^\*\*(.+?)\.\*\* (.+?)(?=^\*\*|^## )", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a page.

    Attributes:
        target: As it is written: a path, a path with an anchor, an anchor, or an address.
    """

    text: str
    target: str

    @property
    def is_address(self) -> bool:
        """Whether it leads out of the repository."""
        return re.match(r"[a-z]+:", self.target) is not None


def pages(root: Path = ROOT) -> list[Path]:
    """Every page that readers are led to."""
    about = [
        root / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
    ]
    folders = [
        *root.glob("docs/*.md"),
        *root.glob("tests/cases/*.md"),
        *root.glob("examples/**/README.md"),
    ]
    return [*about, *sorted(folders)]


def links(text: str) -> Iterator[Link]:
    """The links of a page, without those in code."""
    whole = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    whole = re.sub(r"`[^`]*`", lambda span: "" if "](" in span[0] else span[0], whole)
    for found in LINK.finditer(whole):
        yield Link(found[1], found[2])


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    made: set[str] = set()
    for heading in re.findall(
        r"^#+ (.+)$",
        re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE),
        re.MULTILINE,
    ):
        slug = anchor_of(heading)
        number = 1
        while slug in made:
            slug, number = f"{anchor_of(heading)}-{number}", number + 1
        made.add(slug)
    return made


def anchor_of(heading: str) -> str:
    """One heading's anchor."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def broken_links(root: Path = ROOT) -> list[str]:
    """Links that lead to no file, or to no heading of one."""
    found = []
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        for link in links(text):
            if link.is_address:
                continue
            path, _, anchor = link.target.partition("#")
            target = (page.parent / path).resolve() if path else page
            where = f"{page.relative_to(root)}: {link.target}"
            if not target.exists():
                found.append(f"{where}: there is no such file")
            elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
                found.append(f"{where}: there is no such heading")
    return found


def readers(root: Path = ROOT) -> dict[str, list[Path]]:
    """The pages by reader, as the section *Documentation* of the README has them."""
    section = (root / "README.md").read_text(encoding="utf-8").partition("\n## Documentation\n")[2]
    found = {}
    for reader, text in GROUP.findall(section):
        targets = [link.target for link in links(text) if not link.is_address]
        found[reader] = [root / target for target in targets]
    return found
