"""Headers of backends that mean nothing, or something that others leave out: nobody's request fails by them."""

from __future__ import annotations

import pytest

from gateway.upstream.cache.outward import packed_tags, separator_of
from gateway.upstream.transport import Fetched, UpstreamRequest

from .origin import Origin

YEAR_0 = "Wed, 30 Nov 0000 00:00:00 GMT"


@pytest.mark.parametrize(
    "headers",
    [
        {"expires": YEAR_0},
        {"date": YEAR_0, "cache_control": "max-age=5"},
        {"last_modified": YEAR_0, "cache_control": "max-age=5"},
        {"last_modified": YEAR_0},
    ],
)
async def test_a_date_of_no_year_is_no_date(headers: dict[str, str]) -> None:
    origin = Origin(heuristic=True)
    origin.says(200, **headers)
    assert await origin.body() == 1
    assert (await origin.read(if_modified_since=YEAR_0)).status == 200


@pytest.mark.parametrize("name", ["location", "content-location"])
@pytest.mark.parametrize("value", ["http://[::1", "//[x", "http://s/1#fragment", "/1#x"])
async def test_a_write_purges_what_its_answer_names_if_that_is_a_url(name: str, value: str) -> None:
    origin = Origin()
    origin.says(cache_control="max-age=600")
    assert [await origin.body("http://s/1"), await origin.body("http://s/own")] == [1, 2]
    origin.cache.write(UpstreamRequest("POST", "http://s/own"), Fetched(201, [(name, value)], b""))
    assert await origin.body("http://s/own") == 3
    assert await origin.body("http://s/1") == (4 if "#" in value else 1)


@pytest.mark.parametrize(
    ("invalidates", "is_gone"),
    [
        ('"g"', True), ('"a b"', True), ('"x,y"', True), ('"g";a=1', True), ('"o", "a b"', True),
        ('"a"', False), ('"x"', False), ('"g', False), ("", False),
    ],
)  # fmt: skip
async def test_groups_are_a_list_of_texts(invalidates: str, is_gone: bool) -> None:
    """RFC 9875 §2, RFC 9651 §4.2."""
    origin = Origin()
    origin.says(cache_control="max-age=600", cache_groups='"g", "a b";p, "x,y"')
    assert await origin.body() == 1
    told = [("cache-group-invalidation", invalidates)]
    origin.cache.write(UpstreamRequest("POST", "http://s/other"), Fetched(200, told, b""))
    assert await origin.body() == 1 + is_gone


@pytest.mark.parametrize(
    ("header", "packed"),
    [("cache-tag", "source:s,a,b"), ("Surrogate-Key", "source:s a b"), ("xkey", "source:s a b")],
)
def test_tags_are_separated_as_their_header_has_it(header: str, packed: str) -> None:
    tags = ["tag s a", "tag s b", "tag s two words", "tag s x,y", "source s"]
    assert packed_tags(tags, separator_of(header)) == packed
