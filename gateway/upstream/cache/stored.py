"""An answer that is kept, and what RFC 9111 says of it: whether it may be, for how long, and for which requests.

Everything that headers say is read once, when the answer is stored. No clock and no I/O: times are handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

import msgspec

from gateway.upstream.cache.directives import (
    Directives,
    age_of,
    cache_control,
    date_of,
    parse_directives,
    values_of,
)
from gateway.upstream.cache.freshness import HEURISTIC, apparent_age, lifetime_of, stale_window
from gateway.upstream.cache.hints import NO_HINTS
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.cache.tags import named_tag
from gateway.upstream.transport import Fetched, Header, Headers, UpstreamRequest, header_value

# 206 is not kept: there is nobody who would ask for parts.
NEVER = frozenset({206, 304})
UNDERSTOOD = HEURISTIC | {201, 202, 302, 303, 307, 400, 401, 403, 500, 502, 503, 504}
OVERHEAD_BYTES = 600
TAG_BYTES = 60
"""What an entry, and each of its tags, takes beside its text; measured, a little above."""
_ASKED = frozenset({"no-cache", "no-store", "max-age", "min-fresh", "max-stale", "only-if-cached"})
_PROHIBITS_STALE = ("must-revalidate", "proxy-revalidate", "no-cache", "s-maxage")
# RFC 9111 §3.1, and §3.2 of what a 304 leaves as it was. `age` is in `born`.
_NOT_KEPT = frozenset(
    {
        "age",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_OF_THE_BODY = frozenset({"content-encoding", "content-length", "content-range", "content-type"})
_TAGS = frozenset({"surrogate-key", "cache-tag", "xkey", "cache-groups"})
_ASKING = frozenset({"cache-control", "pragma"})


class StoredResponse(msgspec.Struct, kw_only=True, array_like=True):
    """One answer under a URL. Redis has it in this form too: fields are added at the end, see `wire`.

    Attributes:
        status, body: As they came.
        names, values: Of the headers, without what belongs to the connection; each value ends with a line feed.
        asked: What a request has to say to get it: values of request headers by lower-case name, None for no such
            header; None in the place of all: a request gets it that has the same headers.
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
    asked: dict[str, str | None] | None
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
        return len(self.body) + len(self.values) + tags + OVERHEAD_BYTES

    @property
    def headers(self) -> Headers:
        """The headers as they came."""
        return Headers.named(self.names, tuple(self.values.split(b"\n")[:-1]))

    def matches(self, headers: Sequence[Header]) -> bool:
        """Whether a request gets it that asks for the same URL. RFC 9111 §4.1"""
        asked = self.asked
        return asked is None or all(_joined(headers, name) == asked[name] for name in asked)

    def answer(self, now: float) -> Fetched:
        """What is given in the origin's place, with its age. RFC 9111 §5.1"""
        values = self.values.split(b"\n")
        values[-1] = b"%d" % max(0, now - self.born)
        headers = Headers.named((*self.names, "age"), tuple(values))
        return Fetched(self.status, headers, self.body)

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


def stored_response(
    request: UpstreamRequest,
    response: Fetched,
    rules: SourceCacheSettings,
    *,
    now: float,
    took_s: float,
    tags: Collection[str],
    began: int,
) -> StoredResponse | None:
    """The answer as it may be kept; None where it may not. RFC 9111 §3

    Args:
        request: As it was sent.
        response: The origin's.
        rules: The source's.
        now: When the answer was there, wall clock.
        took_s: What it took: it may have aged so long on its way.
        tags: What it may be purged by beside the origin's own.
        began: The number of purges when fetching it began.
    """
    headers, hints = Headers.of(response.headers), request.hints or NO_HINTS
    says, is_targeted = cache_control(headers)
    is_overridden = rules.override and rules.ttl_s is not None
    if "no-store" in says and not is_overridden and not _is_understood(response.status, says):
        return None
    if response.status in NEVER or response.status < 200:
        return None
    if header_value(headers, "set-cookie") is not None:  # it is for one client
        return None
    sent = {name.lower() for name, _ in request.headers}
    if not sent.isdisjoint(_ASKING) and "no-store" in request_directives(request.headers):
        return None
    is_private = hints.is_private
    if not is_overridden:
        is_private |= "private" in says and says["private"] is None
        if (
            not is_private
            and "authorization" in sent
            and not says.keys() & {"public", "s-maxage", "must-revalidate"}
        ):
            return None  # §3.5
    if is_private and hints.private_id is None:
        return None
    varies: Collection[str] = ()
    if given_vary := headers.all("vary"):
        varies = {n.strip().lower() for v in given_vary for n in v.split(",")} - {""}
    if "*" in varies:
        return None
    lifetime = lifetime_of(response, says, rules, now, is_targeted=is_targeted)
    if lifetime is not None and hints.max_age_s is not None:
        lifetime = hints.max_age_s if is_overridden else min(lifetime, hints.max_age_s)
    needs_validation = not is_overridden and "no-cache" in says and says["no-cache"] is None
    has_validator = any(header_value(headers, n) for n in ("etag", "last-modified"))
    if lifetime is None and not ("public" in says and has_validator) and not needs_validation:
        return None
    if needs_validation and not has_validator:
        return None
    may_be_stale = is_overridden or not says.keys() & set(_PROHIBITS_STALE)
    given = hints.tags(response) if hints.tags is not None else ()
    if given is None:
        return None
    born = now - max(age_of(headers) + took_s, apparent_age(headers, now))
    kept = _end_to_end(headers, says)
    return StoredResponse(
        status=response.status,
        names=kept.names,
        values=_lines(kept.values),
        body=response.body,
        asked=None if is_private else _asked(request, says, varies, rules),
        fresh_until=born + (lifetime or 0.0),
        born=born,
        needs_validation=needs_validation,
        may_be_stale=may_be_stale,
        stale_while_revalidate_s=stale_window(says, "stale-while-revalidate", rules, may_be_stale),
        stale_if_error_s=stale_window(says, "stale-if-error", rules, may_be_stale),
        took_s=took_s,
        tags=tuple({*_tags(headers, request.source), *tags, *given}),
        began=began,
        private_id=hints.private_id if is_private else None,
    )


def _is_understood(status: int, says: Directives) -> bool:
    """Whether `must-understand` lifts the `no-store` that is for caches without it. §5.2.2.3"""
    return "must-understand" in says and status in UNDERSTOOD


def _asked(
    request: UpstreamRequest, says: Directives, varies: Collection[str], rules: SourceCacheSettings
) -> dict[str, str | None] | None:
    """What a request has to say to get the answer to this one; None: all that this one says.

    Where the origin says neither `public` nor that the answer depends on the cookie, a session's answer is its own, as
    §3.5 takes one to `Authorization`, and an answer without a session is for requests without one.
    """
    if "public" not in says:
        if not rules.trust_vary:
            return None
        if "cookie" not in varies:
            if _joined(request.headers, "cookie") is not None:
                return None
            varies = {*varies, "cookie"}
    return {name: _joined(request.headers, name) for name in sorted(varies)}


def _joined(headers: Sequence[Header], name: str) -> str | None:
    """A request header's values as one, white space around them left out; None without it. RFC 9111 §4.1"""
    values = [value for key, value in headers if key.lower() == name]
    if not values:
        return None
    return ",".join(part.strip() for value in values for part in value.split(","))


def _end_to_end(headers: Headers, says: Directives) -> Headers:
    """The headers that are kept: none of the connection, none that is named as not to be. RFC 9111 §3.1"""
    lists = headers.all("connection")
    lists += [text for name in ("no-cache", "private") if (text := says.get(name))]
    return headers.without(_dropped(tuple(lists)) if lists else _NOT_KEPT)


@lru_cache(maxsize=256)
def _dropped(lists: tuple[str, ...]) -> frozenset[str]:
    """What is not kept, where these lists of names are not either."""
    return _NOT_KEPT | {part.strip().lower() for text in lists for part in text.split(",")}


def _lines(values: Sequence[bytes]) -> bytes:
    """Each with a line feed, which none of them may have."""
    lines = b"\n".join((*values, b""))
    if lines.count(b"\n") > len(values):
        lines = b"\n".join((*(value.replace(b"\n", b" ") for value in values), b""))
    return lines


def _tags(headers: Headers, source: str) -> set[str]:
    """What the origin groups the answer by: RFC 9875, and the names that proxies use."""
    found: set[str] = set()
    for name in _TAGS if headers.has(_TAGS) else ():
        for value in headers.all(name):
            parts = value.replace(",", " ").split()
            found.update(named_tag(source, part.strip('"')) for part in parts)
    return found
