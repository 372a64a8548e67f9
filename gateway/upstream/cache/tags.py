"""What stored answers are purged by. A tag is a text that begins with its kind, so that none can be taken for another.

All but URLs belong to a source: what one backend says of its answers must not make another's unusable.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from gateway.upstream.cache.urls import normal_url

MOST_TAG_TEXT = 200
EVERYTHING = "everything"
"""The tag of all answers: purged where what is to be purged cannot be told."""


def url_tag(url: str) -> str:
    """Of what a URL was answered with, however it is written: a digest, since each row of a batch has it, and its URL
    names all keys.
    """
    return f"url {blake2b(normal_url(url).encode(), digest_size=12).hexdigest()}"


@lru_cache(maxsize=1024)
def source_tag(source: str) -> str:
    """Of everything that a source has answered."""
    return f"source {source}"


def type_tag(source: str, type_name: str) -> str:
    """Of what a source has answered where objects of a type are asked for."""
    return f"type {source} {type_name}"


def key_tag(source: str, type_name: str, key: Mapping[str, Any]) -> str:
    """Of what a source has answered for one object. Values count by their text: an ID 1 is an ID "1"."""
    return f"key {source} {type_name} {_short(_as_text(key))}"


def named_tag(source: str, name: str) -> str:
    """Of what a source, or `@cacheTag`, has given this name."""
    short = _short(name)
    return f"tag {source} {name}" if short == name else f"long {source} {short}"


def _short(text: str) -> str:
    """A text as a tag has it: a digest of one that is long, since what is purged is remembered."""
    if len(text) <= MOST_TAG_TEXT:
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def stale_tag(tag: str, at: float) -> str:
    """What makes all with a tag stale, in place of gone: sent to where purges are sent, and no answer's own.

    Args:
        tag: As answers have it.
        at: From when on; on the wall clock.
    """
    return f"stale {at!r} {tag}"


def purged_by(text: str) -> tuple[str, float | None]:
    """The tag that is purged, and since when what has it is stale; None where it is gone."""
    if not text.startswith("stale "):
        return text, None
    _, at, tag = text.split(" ", 2)
    return tag, float(at)


def _as_text(value: Any) -> str:
    return orjson.dumps(_texts(value), option=orjson.OPT_SORT_KEYS).decode()


def _texts(value: Any) -> Any:
    if value.__class__ is str:  # nearly all
        return value
    if value.__class__ is int:
        return str(value)
    if value.__class__ is dict or isinstance(value, Mapping):
        return {str(name): _texts(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    return str(value)
