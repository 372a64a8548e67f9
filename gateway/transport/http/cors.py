"""What pages of other origins may do: the answer to preflight requests, and headers on every answer.

It decides nothing about what is executed: a browser keeps an answer from a page, not a request from the
server. That is `csrf`'s part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from gateway.transport.settings import CorsPolicy

VARY = b"vary: origin\r\n"
PREFLIGHT_VARY = b"vary: origin, access-control-request-method, access-control-request-headers\r\n"


class Cors:
    """The policies of one service.

    Args:
        policies: At least one; the first that an origin fits decides.
    """

    def __init__(self, policies: Sequence[CorsPolicy]) -> None:
        self._policies = [
            (policy, [re.compile(pattern) for pattern in policy.match_origins])
            for policy in policies
        ]
        self.policy_of = lru_cache(256)(self._policy_of)

    def _policy_of(self, origin: str | None) -> CorsPolicy | None:
        if origin is None:
            return None
        for policy, patterns in self._policies:
            if (
                origin in policy.origins
                or "*" in policy.origins
                or any(pattern.fullmatch(origin) for pattern in patterns)
            ):
                return policy
        return None

    def lines(self, origin: str | None) -> bytes:
        """The header lines that let the page at `origin` read an answer."""
        policy = self.policy_of(origin)
        if policy is None:
            return VARY
        lines = VARY + origin_lines(policy, origin)
        if policy.expose_headers:
            names = ", ".join(policy.expose_headers)
            lines += b"access-control-expose-headers: %b\r\n" % names.encode()
        return lines

    def preflight(self, asked: Mapping[str, str]) -> bytes:
        """The header lines that answer a preflight request; without leave when the origin has none."""
        origin = asked.get("origin")
        policy = self.policy_of(origin)
        if policy is None:
            return PREFLIGHT_VARY
        names = ", ".join(policy.allow_headers) or asked.get("access-control-request-headers", "")
        lines = PREFLIGHT_VARY + origin_lines(policy, origin)
        lines += b"access-control-allow-methods: %b\r\n" % ", ".join(policy.methods).encode()
        if names:
            lines += b"access-control-allow-headers: %b\r\n" % names.encode("latin-1")
        if policy.max_age_s is not None:
            lines += b"access-control-max-age: %d\r\n" % policy.max_age_s
        return lines


def origin_lines(policy: CorsPolicy, origin: str | None) -> bytes:
    """Which origin has leave. Always the very one, so that a cache cannot give it to another."""
    lines = b"access-control-allow-origin: %b\r\n" % (origin or "").encode("latin-1")
    if policy.allow_credentials:
        lines += b"access-control-allow-credentials: true\r\n"
    return lines


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks before it sends what a page wants to send."""
    return (
        method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers
    )
