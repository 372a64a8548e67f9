"""The pages as a whole: links lead somewhere, each page has its readers, and the site is made of them. No network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import ROOT, anchors, broken_links, links, pages, readers
from docs.site import FILES, assemble, configuration


def test_links_lead_to_files_and_headings() -> None:
    assert broken_links() == []


def test_every_page_of_docs_is_in_the_readme_by_its_reader() -> None:
    listed = [page for group in readers().values() for page in group]
    assert len(listed) == len(set(listed))
    assert set((ROOT / "docs").glob("*.md")) <= set(listed)


def test_broken_links_are_found(tmp_path: Path) -> None:
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("# A page\n\n## Twice\n\n## Twice\n")
    (tmp_path / "README.md").write_text(
        "[well](SECURITY.md#twice-1) [address](https://example.org) `[code](no.md)` [here](#no) [file](no.md)\n"
        "[`x`](CHANGELOG.md#three)\n\n```\n[code](no.md)\n```\n"
    )
    assert broken_links(tmp_path) == [
        "README.md: #no: there is no such heading",
        "README.md: no.md: there is no such file",
        "README.md: CHANGELOG.md#three: there is no such heading",
    ]


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What a mapping reads", "what-a-mapping-reads"),
        ("`[sources.NAME.retry]`", "sourcesnameretry"),
        ("1. Requests: what `x()` writes", "1-requests-what-x-writes"),
        ("A [link](x.md) in it", "a-link-in-it"),
    ],
)
def test_anchors_are_those_of_github(heading: str, anchor: str) -> None:
    assert anchors(f"# {heading}\n") == {anchor}


def test_the_site_has_every_page_and_no_link_that_leads_out_of_it(tmp_path: Path) -> None:
    assemble(ROOT, tmp_path)
    assert broken_links(tmp_path) == []
    for page in pages():
        text = (tmp_path / page.relative_to(ROOT)).read_text()
        for link in links(text):
            path = link.target.partition("#")[0]
            assert link.is_address or not path or path.endswith((".md", *FILES, ".json")), link
        # Its highlighter takes a language and a title.
        assert not re.search(r"^```\w+ (?!title=)", text, re.MULTILINE), page


def test_the_site_asks_no_other_host() -> None:
    text = configuration(ROOT)
    assert "font: false" in text
    assert "http" not in text


def test_files_that_pages_name_exist() -> None:
    """Paths in code spans; `NAME` in one is the reader's. Two pages are about the reader's own project."""
    rooms = "gateway|tests|docs|demo|benchmarks|helm|deploy|scripts|resolvers|schema|examples"
    for page in pages():
        if page.name in ("CHANGELOG.md", "getting-started.md", "testing.md"):
            continue
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for path in re.findall(rf"`((?:{rooms})/[\w./*-]+)`", text):
            assert list(ROOT.glob(path.replace("NAME", "*"))), f"{page.name}: {path}"
