"""What clients send does not fill the memory past its bound, and is looked at once for each request."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.upstream.cache import keys
from gateway.upstream.cache.memory import MOST_VARIANTS
from gateway.upstream.cache.tags import MOST_TAG_TEXT, key_tag, named_tag

from .origin import Origin

LONG = "x" * 10_000


async def test_an_answer_holds_no_header_of_its_request() -> None:
    origin = Origin()
    origin.says(cache_control="public, max-age=600", vary="x-q")
    for number in range(10):
        await origin.read(x_q=f"{LONG}{number}")
    assert [await origin.body(x_q=f"{LONG}{number}") for number in range(10)] == [*range(1, 11)]
    for entry in origin.memory:
        assert len(entry.asked) == 16
    assert await origin.body() == 11, "without the header it is another"
    assert await origin.body(x_q="") == 12


async def test_a_header_is_read_once_however_many_variants_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    origin, read = Origin(), []
    joined = keys.joined_value

    def count(headers: Any, name: str) -> str | None:
        read.append(name)
        return joined(headers, name)

    monkeypatch.setattr(keys, "joined_value", count)
    origin.says(cache_control="public, max-age=600", vary="x-q")
    for number in range(MOST_VARIANTS + 5):
        await origin.read(x_q=f"{number},{LONG}")
    assert len(read) <= 2 * (MOST_VARIANTS + 5), "to find it, and to keep it"
    assert len(origin.memory) == MOST_VARIANTS


def test_a_long_tag_is_a_digest() -> None:
    """Purges are remembered: a client's text in a tag is not to be."""
    tags = [named_tag("s", LONG), named_tag("s", LONG + "y"), key_tag("s", "T", {"id": LONG})]
    assert len(set(tags)) == 3
    assert all(len(tag) < MOST_TAG_TEXT for tag in tags)
    digest = named_tag("s", LONG).removeprefix("long s ")
    assert named_tag("s", digest) != named_tag("s", LONG)
