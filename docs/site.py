"""Builds the pages of the repository into a static site with search: `python -m docs.site`, or `make docs-site`.

Pages keep their places, so that their links lead on. What leads to a file that is no page is only its text there.
The site needs no network: fonts are the reader's own, and the search is in the page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from docs.pages import CODE, LINK, ROOT, pages, readers

OUT = ROOT / "var" / "site"
SOURCE = ROOT / "var" / "site-source"
FILES = ("docs/configuration.schema.json", "docs/log-line.schema.json")
TITLED = re.compile(r"\A```(\w+)[ ,]+([^\n]+)\n")
CASE_HEAD = "---\nsearch:\n  boost: 0.3\n---\n\n"
CONFIGURATION: dict[str, Any] = {
    "site_name": "Compiled GraphQL gateway",
    "docs_dir": str(SOURCE),
    "site_dir": str(OUT),
    "use_directory_urls": False,
    "theme": {
        "name": "material",
        "font": False,
        "features": ["navigation.sections", "navigation.top", "content.code.copy", "toc.follow"],
        "palette": [
            {
                "media": "(prefers-color-scheme: light)",
                "scheme": "default",
                "toggle": {"icon": "material/weather-night", "name": "Dark"},
            },
            {
                "media": "(prefers-color-scheme: dark)",
                "scheme": "slate",
                "toggle": {"icon": "material/weather-sunny", "name": "Light"},
            },
        ],
    },
    "plugins": ["search"],
    "markdown_extensions": [
        "admonition",
        "attr_list",
        "pymdownx.superfences",
        {"pymdownx.highlight": {"anchor_linenums": False}},
        {"toc": {"permalink": True, "slugify": "!slugify"}},
    ],
    "validation": {"links": {"not_found": "warn", "anchors": "warn", "unrecognized_links": "warn"}},
}


def assemble(root: Path, into: Path) -> None:
    """Copy the pages, and the files that they offer, into a folder of their own."""
    shutil.rmtree(into, ignore_errors=True)
    taken = {page.resolve() for page in pages(root)} | {(root / name).resolve() for name in FILES}
    for page in pages(root):
        target = into / page.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A search gives what explains before the cases that show it.
        head = CASE_HEAD if page.parent.name == "cases" else ""
        target.write_text(head + _page(page, taken), encoding="utf-8")
    for name in FILES:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, into / name)


def _page(page: Path, taken: set[Path]) -> str:
    """A page whose links lead to pages; code is left as it is."""

    def kept(found: Any) -> str:
        path = found[2].partition("#")[0]
        is_page = not path or ":" in path or (page.parent / path).resolve() in taken
        return str(found[0] if is_page else found[1])

    parts = []
    end = 0
    text = page.read_text(encoding="utf-8")
    for code in CODE.finditer(text):
        if code[0].startswith("```"):
            parts += [LINK.sub(kept, text[end : code.start()]), TITLED.sub(_titled, code[0])]
            end = code.end()
    return "".join([*parts, LINK.sub(kept, text[end:])])


def _titled(found: re.Match[str]) -> str:
    """What a block is stands above it: a block of a case has it behind its language."""
    language = "text" if found[1] == "http" else found[1]
    return f'```{language} title="{found[2].removeprefix("file=")}"\n'


def navigation(root: Path) -> list[Any]:
    """The README, then the pages by reader; examples stand at the end."""
    by_reader = [
        {reader: [str(page.relative_to(root)) for page in listed]}
        for reader, listed in readers(root).items()
    ]
    return [{"Overview": "README.md"}, *by_reader, {"Changes": "CHANGELOG.md"}]


def configuration(root: Path) -> str:
    """mkdocs.yml."""
    text = yaml.safe_dump(CONFIGURATION | {"nav": navigation(root)}, sort_keys=False)
    # GitHub's anchors, for the same links hold there.
    return text.replace(
        "'!slugify'", "!!python/object/apply:pymdownx.slugs.slugify {kwds: {case: lower}}"
    )


def main() -> int:
    """Build the site, warnings being errors."""
    assemble(ROOT, SOURCE)
    (SOURCE.parent / "mkdocs.yml").write_text(configuration(ROOT), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "-q",
        "-f",
        str(SOURCE.parent / "mkdocs.yml"),
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "true"}
    done = subprocess.run(command, check=False, env=environment)  # noqa: S603 - our own program
    if done.returncode == 0:
        print(f"{OUT}/index.html")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
