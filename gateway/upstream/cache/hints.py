"""What the schema says of a source's answer: how long it may be kept, for whom, and by which tags it is purged."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from gateway.upstream.transport import Fetched


class CacheHints(msgspec.Struct, frozen=True):
    """Of one call.

    Attributes:
        max_age_s: How long its answer is fresh at most; with `override`, how long it is.
        is_private: Its answer is one principal's, whatever the origin says.
        has_owner: What its origin calls private is one principal's, too.
        private_id: Which principal's; None where it is nobody's, and then what is private is not kept.
        purges: The tags that a write makes unusable, of every source; None for none.
        in_rows: The caller keeps the answer row by row; it is not kept as a whole.
        is_noted: The caller notes what clients are told of its freshness.
        digest: Of what the schema says of such answers: what was stored when it said something else is not given.
        tags: What an answer is purged by; None where that cannot be told, and then it is not kept.
    """

    max_age_s: float | None = None
    is_private: bool = False
    has_owner: bool = False
    private_id: str | None = None
    in_rows: bool = False
    is_noted: bool = False
    digest: str = ""
    tags: Callable[[Fetched], Collection[str] | None] | None = None
    purges: Callable[[Fetched], Collection[str]] | None = None


NO_HINTS = CacheHints()
