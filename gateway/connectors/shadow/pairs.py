"""What of the answers of two sources can be compared, and what the new one alone has failed to give. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.errors import UpstreamError

UNWRITABLE = frozenset({"INVALID_PATH_SEGMENT", "INVALID_REQUEST_VALUE"})


def pairs_of(before: Sequence[Any], after: Sequence[Any]) -> list[tuple[Any, Any]]:
    """What can be compared, each pair once: many parents may have one value."""
    pairs = {
        (id(one), id(other)): (one, other)
        for one, other in zip(before, after, strict=True)
        if not isinstance(one, UpstreamError) and not isinstance(other, UpstreamError)
    }
    return list(pairs.values())


def errors_of(before: Sequence[Any], after: Sequence[Any]) -> Iterator[UpstreamError]:
    """What the new source has failed to give, and the old one has not."""
    for one, other in zip(before, after, strict=True):
        if isinstance(other, UpstreamError) and not isinstance(one, UpstreamError):
            yield other


def is_of_client(error: UpstreamError) -> bool:
    """Whether the source was not asked, since a client's value could not be written into the request."""
    return error.code in UNWRITABLE
