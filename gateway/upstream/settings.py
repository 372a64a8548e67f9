"""What may be set for a source. Plain data; read by every module of this room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """`[sources.NAME]`: one backend. Every limit is for each worker process.

    Attributes:
        url: Overrides the `baseURL` of the `@source` of that name.
        timeout_s: Time for one call, from asking for a connection to the last byte of the answer.
        connect_timeout_s: Time for making a connection, TLS included.
        max_concurrency: Calls in flight; more wait for a place, within their time.
        keepalive_s: An idle connection is closed after this; must be below the backend's own
            keep-alive (Apache's default is 5 s).
        max_response_size_bytes: A larger body, after decompression, fails with RESPONSE_TOO_LARGE.
        headers: Sent with every call, unless the directives set the same name.
        session_cookie: Name of one cookie of the client's request that is forwarded, `PHPSESSID`; no
            other cookie is.
        dialect: "php" reads what legacy PHP sends: serialize()d values, numbers and booleans as
            strings, empty arrays for empty maps, other charsets.
    """

    url: str | None = None
    timeout_s: float = 30.0
    connect_timeout_s: float = 5.0
    max_concurrency: int = 64
    keepalive_s: float = 4.0
    max_response_size_bytes: int = 16 * 1024 * 1024
    headers: dict[str, str] | None = None
    session_cookie: str | None = None
    dialect: Literal["json", "php"] = "json"
