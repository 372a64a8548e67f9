"""The names of the frameworks that `gateway.integrations` relies on, as the page for their maintainers lists them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pkgutil import resolve_name

import pytest

from tests.support.pages import DOCS

NAMES = re.findall(
    r"^\| `([\w.]+:[\w.]+)` \|",
    (DOCS / "integrations-for-maintainers.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_the_page_has_names_of_each() -> None:
    packages = {name.partition(".")[0] for name in NAMES}
    assert packages == {"strawberry", "ariadne", "graphene", "graphql"}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_there(name: str) -> None:
    package = name.partition(".")[0]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    assert resolve_name(name) is not None
