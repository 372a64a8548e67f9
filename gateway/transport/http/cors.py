"""What pages of other origins may do: the answer to preflight requests, and headers on every answer.

It decides nothing about what is executed: a browser keeps an answer from a page, not a request from the
server. That is `csrf`'s part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import Any

from gateway.transport.http.asgi import Headers, Send
from gateway.transport.settings import CorsPolicy

VARY = (b"vary", b"origin")
PREFLIGHT_VARY = (b"vary", b"origin, access-control-request-method, access-control-request-headers")


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

    def headers(self, origin: str | None) -> Headers:
        """The headers that let the page at `origin` read an answer."""
        headers: Headers = [VARY]
        policy = self.policy_of(origin)
        if policy is not None:
            headers += origin_headers(policy, origin)
            if policy.expose_headers:
                names = ", ".join(policy.expose_headers)
                headers.append((b"access-control-expose-headers", names.encode()))
        return headers

    def wrap(self, send: Send, origin: str | None) -> Send:
        """`send`, with these headers."""
        headers = self.headers(origin)

        async def send_with(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        return send_with

    def preflight(self, asked: Mapping[str, str]) -> Headers:
        """The headers that answer a preflight request; without leave when the origin has none."""
        headers: Headers = [PREFLIGHT_VARY]
        origin = asked.get("origin")
        policy = self.policy_of(origin)
        if policy is None:
            return headers
        names = ", ".join(policy.allow_headers) or asked.get("access-control-request-headers", "")
        headers += origin_headers(policy, origin)
        headers.append((b"access-control-allow-methods", ", ".join(policy.methods).encode()))
        if names:
            headers.append((b"access-control-allow-headers", names.encode("latin-1")))
        if policy.max_age_s is not None:
            headers.append((b"access-control-max-age", str(policy.max_age_s).encode()))
        return headers


def origin_headers(policy: CorsPolicy, origin: str | None) -> Headers:
    """Which origin has leave. Always the very one, so that a cache cannot give it to another."""
    headers = [(b"access-control-allow-origin", (origin or "").encode("latin-1"))]
    if policy.allow_credentials:
        headers.append((b"access-control-allow-credentials", b"true"))
    return headers


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks before it sends what a page wants to send."""
    return (
        method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers
    )
