"""For how long an answer is fresh, and may be used when it is not any more, by RFC 9111 §4.2 and RFC 5861.

No clock: the time is handed in. Must not decide whether an answer is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.upstream.cache.directives import Directives, date_of, seconds_in, values_of
from gateway.upstream.cache.settings import SourceCacheSettings
from gateway.upstream.transport import Fetched, Header, header_value

# RFC 9110 §15.1; but 206, which is not kept.
HEURISTIC = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
HEURISTIC_PART = 0.1
"""Of the time since `Last-Modified`: what RFC 9111 §4.2.2 proposes."""


def lifetime_of(
    response: Fetched,
    says: Directives,
    rules: SourceCacheSettings,
    now: float,
    *,
    is_targeted: bool,
) -> float | None:
    """For how long an answer is fresh, seconds; None where nothing says. RFC 9111 §4.2.1"""
    status, headers = response.status, response.headers
    if rules.override and rules.ttl_s is not None:
        return rules.ttl_s if status in HEURISTIC else None
    for name in ("s-maxage", "max-age"):
        if (seconds := seconds_in(says, name)) is not None:
            return float(seconds)
    expires = values_of(headers, "expires")
    if expires and not is_targeted:
        date = date_of(header_value(headers, "date") or "")
        until = date_of(expires[0]) if len(expires) == 1 else None
        return 0.0 if until is None else max(0.0, until - (now if date is None else date))
    if status not in HEURISTIC and "public" not in says:
        return None
    if status in (404, 410) and rules.negative_ttl_s:
        return rules.negative_ttl_s
    if rules.ttl_s is not None and status < 400:
        return rules.ttl_s
    modified = date_of(header_value(headers, "last-modified") or "")
    if rules.heuristic and modified is not None:
        return max(0.0, now - modified) * HEURISTIC_PART
    return None


def apparent_age(headers: Sequence[Header], now: float) -> float:
    """The age that its `Date` tells, seconds. RFC 9111 §4.2.3"""
    date = date_of(header_value(headers, "date") or "")
    return 0.0 if date is None else max(0.0, now - date)


def stale_window(
    says: Directives, name: str, rules: SourceCacheSettings, may_be_stale: bool
) -> float:
    """For how long it may be used when it is stale, seconds. RFC 5861"""
    if not may_be_stale:
        return 0.0
    seconds = seconds_in(says, name)
    default: float = getattr(rules, name.replace("-", "_") + "_s")
    return default if seconds is None else float(seconds)
