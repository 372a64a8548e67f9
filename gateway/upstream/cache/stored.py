"""An answer that is kept: for which requests it is, and what is given of it. `storing` makes it.

No clock and no I/O: times are handed in.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.upstream.cache.directives import (
    Directives,
    date_of,
    parse_directives,
    values_of,
)
from gateway.upstream.cache.keys import keys_of
from gateway.upstream.transport import (
    Fetched,
    Header,
    Headers,
    UpstreamRequest,
    header_value,
)

OVERHEAD_BYTES = 450
TAG_BYTES = 60
"""What an entry, and each of its tags, takes beside its text; measured, a little above."""
_ASKED = frozenset({"no-cache", "no-store", "max-age", "min-fresh", "max-stale", "only-if-cached"})
_OF_THE_BODY = frozenset({"content-encoding", "content-length", "content-range", "content-type"})


class StoredResponse(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """One answer under a URL. Redis has it in this form too: fields are added at the end, see `wire`.

    Attributes:
        status, body: As they came.
        names, values: Of the headers, without what belongs to the connection; each value ends with a line feed.
        varies: The request headers that it depends on, in lower case; None: a request gets it that has the same ones.
        asked: A digest of what a request says in these to get it; b"" where it has none of them.
        fresh_until: On the wall clock, seconds.
        born: When it would have been made, were its `Age` 0; on the wall clock.
        needs_validation: No reuse without asking the origin.
        may_be_stale: Its origin does not forbid that it is used when it is not fresh any more.
        stale_while_revalidate_s, stale_if_error_s: How long after `fresh_until` it may be used so.
        took_s: What fetching it took.
        tags: What it may be purged by.
        began: The number of purges of this worker when fetching it began.
        private_id: Whose it is; None for whoever sends the same request.
    """

    status: int
    names: tuple[str, ...]
    values: bytes
    body: bytes
    varies: tuple[str, ...] | None
    asked: bytes
    fresh_until: float
    born: float
    needs_validation: bool
    may_be_stale: bool
    stale_while_revalidate_s: float
    stale_if_error_s: float
    took_s: float
    tags: tuple[str, ...]
    began: int
    private_id: str | None = None

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        tags = sum(map(len, self.tags)) + TAG_BYTES * len(self.tags)
        own = len(self.asked) + len(self.private_id or "")
        return len(self.body) + len(self.values) + tags + own + OVERHEAD_BYTES

    @property
    def headers(self) -> Headers:
        """The headers as they came."""
        return Headers.named(self.names, tuple(self.values.split(b"\n")[:-1]))

    def matches(self, request: UpstreamRequest) -> bool:
        """Whether a request gets it that asks for the same URL. RFC 9111 §4.1"""
        return self.varies is None or keys_of(request).asked_in(self.varies) == self.asked

    def answer(self, now: float) -> Fetched:
        """What is given in the origin's place, with its age. RFC 9111 §5.1"""
        values = self.values.split(b"\n")
        values[-1] = b"%d" % max(0, now - self.born)
        headers = Headers.named((*self.names, "age"), tuple(values))
        return Fetched(self.status, headers, self.body)

    def stale_from(self, at: float) -> bool:
        """Be stale from a time on; False where it is of no use then: it may not stand in, and cannot be asked about."""
        self.fresh_until = min(self.fresh_until, at)
        return bool(self.stale_while_revalidate_s or self.stale_if_error_s or self.validators())

    def is_held_by(self, headers: Sequence[Header]) -> bool:
        """Whether whoever asks on a condition has this answer already: it gets a 304. RFC 9110 §13.2.2"""
        lower = [(name.lower(), value) for name, value in headers]
        matches = values_of(lower, "if-none-match")
        if matches:
            etag = header_value(self.headers, "etag")
            if etag is None:
                return False
            known = {tag.strip().removeprefix("W/") for text in matches for tag in text.split(",")}
            return "*" in known or etag.removeprefix("W/") in known
        since = date_of(header_value(lower, "if-modified-since") or "")
        modified = date_of(header_value(self.headers, "last-modified") or "")
        if modified is None:
            modified = date_of(header_value(self.headers, "date") or "")
        return since is not None and modified is not None and modified <= since

    def validators(self) -> list[Header]:
        """The headers that ask whether it still holds. RFC 9111 §4.3.1"""
        headers = self.headers
        etag, modified = headers.first("etag"), headers.first("last-modified")
        found = [("if-none-match", etag), ("if-modified-since", modified)]
        return [(name, value) for name, value in found if value]

    def confirmed(self, fresh: Fetched) -> Fetched:
        """This answer with what a 304 said of it. RFC 9111 §3.2"""
        told = {name for name, _ in fresh.headers} - _OF_THE_BODY
        kept = [header for header in self.headers if header[0] not in told]
        return Fetched(self.status, [*kept, *(h for h in fresh.headers if h[0] in told)], self.body)


def request_directives(headers: Sequence[Header]) -> Directives:
    """`Cache-Control` of a request; `Pragma: no-cache` where there is none. RFC 9111 §5.2.1, §5.4"""
    lower = [(name.lower(), value) for name, value in headers]
    values = values_of(lower, "cache-control")
    if not values and "no-cache" in ", ".join(values_of(lower, "pragma")).lower():
        return {"no-cache": None}
    found = parse_directives(", ".join(values)) if values else {}
    return {name: value for name, value in found.items() if name in _ASKED}
