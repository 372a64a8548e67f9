"""What an operation's answer may say of its own freshness: no more than each of the answers that it was made of.

It reads no header and keeps nothing. One that anything unknown had a part in says nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf

from gateway.upstream.cache.stored import StoredResponse
from gateway.upstream.transport import UpstreamRequest

MOST_TAG_BYTES = 16_384
"""Of the header with tags: what CDNs take at most."""
MOST_REASONS = 8
EARLY = 7.0
"""Times what fetching it took, before an answer is stale: from then on one look-up in 1,000, or more, refreshes it."""
Line = tuple[str, str]


class OutwardFreshness:
    """What was noted of the answers of one operation.

    Args:
        tag_header: The name of the header with tags; "" for none.
        is_told: Whether clients are told; else it is noted for the gateway itself.

    Attributes:
        is_unknown: Something had a part in the answer that is not kept.
        was_asked: An origin was asked for a part of it.
        looked_up: What was looked up, by source and endpoint.
    """

    __slots__ = (
        "_asked",
        "_born",
        "_entries",
        "_is_private",
        "_is_write",
        "_settled_until",
        "_stored",
        "_tag_header",
        "_until",
        "_why",
        "is_told",
        "is_unknown",
        "looked_up",
        "tags",
    )

    def __init__(self, tag_header: str = "", *, is_told: bool = True) -> None:
        self._tag_header = tag_header
        self.is_told = is_told
        self.is_unknown = False
        self._until = self._settled_until = self._born = inf
        self._is_private = self._is_write = False
        self.tags: dict[str, None] = {}
        self._why: dict[str, None] = {}
        self._stored = self._asked = 0
        self._entries: list[StoredResponse] = []
        self.looked_up: list[tuple[str, str]] = []

    def note(self, entry: StoredResponse | None, *, was_asked: bool, why: str = "") -> None:
        """An answer had a part.

        Args:
            entry: As it is kept; None where it is not.
            was_asked: Whether the origin was asked for it.
            why: Why it is not kept, if it is not: `catalog: set-cookie`.
        """
        self._asked += was_asked
        self._stored += not was_asked
        if entry is None:
            self.is_unknown = True
            if why and len(self._why) < MOST_REASONS:
                self._why[why] = None
            return
        self._entries.append(entry)

    def note_call(self, request: UpstreamRequest) -> None:
        """An origin is asked for something that is not looked up, unless whoever asks notes what is kept of it."""
        if request.hints is not None and request.hints.is_noted:
            return
        if not request.is_read:
            self._is_write = True
            self.note(None, was_asked=True)
        else:
            self.note(None, was_asked=True, why=f"{request.source}: nothing of it is kept")

    def note_given(self, entries: Collection[StoredResponse]) -> None:
        """Stored answers had a part, and no origin was asked for them."""
        self._stored += len(entries)
        self._entries += entries

    @property
    def is_all_stored(self) -> bool:
        """Whether every part of it was given from what is stored."""
        return self._stored > 0 and not self._asked and not self.is_unknown

    def settled_until(self) -> float:
        """Until when none of its parts is asked for anew."""
        self._fold()
        return self._settled_until

    def _fold(self) -> None:
        """What all parts together say: looked at where somebody asks, and for no other answer."""
        for entry in self._entries:
            until = 0.0 if entry.needs_validation else entry.fresh_until
            self._until = min(self._until, until)
            self._settled_until = min(self._settled_until, until - EARLY * entry.took_s)
            self._born = min(self._born, entry.born)
            self._is_private |= entry.private_id is not None
            self.tags.update(dict.fromkeys(entry.tags))
        self._entries.clear()

    def lines(self, now: float, *, is_of_client: bool, may_be_kept: bool = True) -> list[Line]:
        """The headers of the answer; none where nothing can be said.

        Args:
            now: The wall clock.
            is_of_client: The answer depends on the client.
            may_be_kept: Whether more may be said than what has become of it here.
        """
        self._fold()
        found = [("cache-status", self._status(now))] if self._asked or self._stored else []
        left = int(self._until - now) if self._until < inf else 0
        if self.is_unknown or left <= 0 or not may_be_kept:
            return found
        age = max(0, int(now - self._born))
        scope = "private" if is_of_client or self._is_private else "public"
        found.append(("cache-control", f"{scope}, max-age={left + age}"))
        if age:
            found.append(("age", str(age)))
        if self._tag_header and (tags := packed_tags(self.tags, separator_of(self._tag_header))):
            found.append((self._tag_header, tags))
        return found

    def _status(self, now: float) -> str:
        """RFC 9211."""
        if self._is_write:
            return "gateway; fwd=method"
        if self._asked:
            # A source's name is an identifier, and what is said of it our own: neither has quotes.
            detail = f'; detail="{", ".join(self._why)}"' if self._why else ""
            return f"gateway; fwd={'partial' if self._stored else 'miss'}{detail}"
        left = int(self._until - now) if self._until < inf else 0
        return f"gateway; hit; ttl={left}"


def separator_of(tag_header: str) -> str:
    """What stands between the tags of a header: `Surrogate-Key` and `xkey` have white space, `Cache-Tag` commas."""
    return " " if tag_header.lower() in ("surrogate-key", "xkey") else ","


def packed_tags(tags: Collection[str], separator: str) -> str:
    """Tags as a header has them, the coarsest first, as many as there is room for.

    One that would be read as two is left out.

    `type catalog Product` is `type:catalog:Product`; what `@cacheTag` and backends have named is as they named it.
    """
    coarse = {"source": 0, "type": 1, "tag": 2}
    named = []
    for tag in tags:
        kind, _, rest = tag.partition(" ")
        if kind in coarse:
            text = rest.partition(" ")[2] if kind == "tag" else f"{kind}:{rest.replace(' ', ':')}"
            if text.isascii() and text.isprintable() and not set(text) & {" ", ","}:
                named.append((coarse[kind], text))
    packed, size = [], 0
    for _, text in sorted(set(named)):
        size += len(text) + 1
        if size > MOST_TAG_BYTES:
            break
        packed.append(text)
    return separator.join(packed)
