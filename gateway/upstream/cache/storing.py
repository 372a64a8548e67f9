"""Whether an answer may be kept, for how long, for whom and by which tags, as RFC 9111 says; or why not, in a word.

Everything that headers say is read once, here. No clock and no I/O: times are handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

from gateway.upstream.cache.directives import Directives, age_of, cache_control, groups_of
from gateway.upstream.cache.freshness import HEURISTIC, apparent_age, lifetime_of, stale_window
from gateway.upstream.cache.hints import NO_HINTS
from gateway.upstream.cache.keys import digest_in, joined_value
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.cache.stored import StoredResponse, request_directives
from gateway.upstream.cache.tags import named_tag
from gateway.upstream.transport import Fetched, Headers, UpstreamRequest

# 206 is not kept: there is nobody who would ask for parts.
NEVER = frozenset({206, 304})
UNDERSTOOD = HEURISTIC | {201, 202, 302, 303, 307, 400, 401, 403, 500, 502, 503, 504}
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
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TAGS = frozenset({"surrogate-key", "cache-tag", "xkey"})
_ASKING = frozenset({"cache-control", "pragma"})
_SET_COOKIE = frozenset({"set-cookie"})


def stored_response(
    request: UpstreamRequest,
    response: Fetched,
    rules: SourceCacheSettings,
    *,
    now: float,
    took_s: float,
    tags: Collection[str],
    began: int,
) -> StoredResponse | str:
    """The answer as it may be kept, or why it may not. RFC 9111 §3

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
        return "no-store"
    if response.status in NEVER or response.status < 200:
        return f"status {response.status}"
    sent = {name.lower() for name, _ in request.headers}
    if headers.has(_SET_COOKIE) and ("cookie" in sent or not _are_ignored(headers, rules)):
        return "set-cookie"  # it is for one client
    if not sent.isdisjoint(_ASKING) and "no-store" in request_directives(request.headers):
        return "the request says no-store"
    is_private = hints.is_private
    if not is_overridden:
        is_private |= "private" in says and says["private"] is None
        if (
            not is_private
            and "authorization" in sent
            and not says.keys() & {"public", "s-maxage", "must-revalidate"}
        ):
            return "authorization"  # §3.5
    if is_private and hints.private_id is None:
        return "private"
    varies: Collection[str] = ()
    if given_vary := headers.all("vary"):
        varies = {n.strip().lower() for v in given_vary for n in v.split(",")} - {""}
    if "*" in varies:
        return "vary *"
    lifetime = lifetime_of(response, says, rules, now, is_targeted=is_targeted)
    if lifetime is not None and hints.max_age_s is not None:
        lifetime = hints.max_age_s if is_overridden else min(lifetime, hints.max_age_s)
    needs_validation = not is_overridden and "no-cache" in says and says["no-cache"] is None
    has_validator = bool(headers.first("etag") or headers.first("last-modified"))
    if lifetime is None and not ("public" in says and has_validator) and not needs_validation:
        return "it says no lifetime"
    if needs_validation and not has_validator:
        return "no-cache without a validator"
    may_be_stale = is_overridden or not says.keys() & set(_PROHIBITS_STALE)
    given = hints.tags(response) if hints.tags is not None else ()
    if given is None:
        return "its tags cannot be told"
    born = now - max(age_of(headers) + took_s, apparent_age(headers, now))
    kept = _end_to_end(headers, says)
    kept_for = None if is_private else _kept_for(request, says, varies, rules)
    return StoredResponse(
        status=response.status,
        names=kept.names,
        values=_lines(kept.values),
        body=response.body,
        varies=kept_for,
        asked=b"" if kept_for is None else digest_in(request.headers, kept_for),
        fresh_until=born + (lifetime or 0.0),
        born=born,
        needs_validation=needs_validation,
        may_be_stale=may_be_stale,
        stale_while_revalidate_s=stale_window(says, "stale-while-revalidate", rules, may_be_stale),
        stale_if_error_s=stale_window(says, "stale-if-error", rules, may_be_stale),
        took_s=_seconds(round(took_s * 10_000)),
        tags=tuple({*_tags(headers, request.source), *tags, *given}),
        began=began,
        private_id=hints.private_id if is_private else None,
    )


def _are_ignored(headers: Headers, rules: SourceCacheSettings) -> bool:
    """Whether an answer sets no cookies but those that say nothing of it. RFC 6265 §5.2"""
    names = {
        value.partition(";")[0].partition("=")[0].strip() for value in headers.all("set-cookie")
    }
    return names <= set(rules.ignored_cookies)


def _is_understood(status: int, says: Directives) -> bool:
    """Whether `must-understand` lifts the `no-store` that is for caches without it. §5.2.2.3"""
    return "must-understand" in says and status in UNDERSTOOD


def _kept_for(
    request: UpstreamRequest, says: Directives, varies: Collection[str], rules: SourceCacheSettings
) -> tuple[str, ...] | None:
    """The headers that a request has to have as this one has, to get its answer; None: all.

    Where the origin says neither `public` nor that the answer depends on the cookie, a session's answer is its own, as
    §3.5 takes one to `Authorization`, and an answer without a session is for requests without one.
    """
    if "public" not in says:
        if not rules.trust_vary:
            return None
        if "cookie" not in varies:
            if joined_value(request.headers, "cookie") is not None:
                return None
            varies = {*varies, "cookie"}
    return _one_for_all(tuple(sorted(varies)))


@lru_cache(maxsize=256)
def _one_for_all(names: tuple[str, ...]) -> tuple[str, ...]:
    """One list for all answers that depend on the same headers."""
    return names


@lru_cache(maxsize=1024)
def _seconds(tenths_of_ms: int) -> float:
    """One number for all answers that took as long."""
    return tenths_of_ms / 10_000


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
    found = {named_tag(source, name) for name in groups_of(headers, "cache-groups")}
    for name in _TAGS if headers.has(_TAGS) else ():
        for value in headers.all(name):
            parts = value.replace(",", " ").split()
            found.update(named_tag(source, part.strip('"')) for part in parts)
    return found
