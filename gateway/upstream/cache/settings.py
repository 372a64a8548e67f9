"""What may be set for answers that are kept: of a source, and of a worker. Plain data, which must not be read here."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Annotated

from gateway.settings.kinds import (
    Bytes,
    CookieName,
    HeaderNameOrEmpty,
    Seconds,
    SecondsOrZero,
    TextForm,
)

PrivateId = Annotated[
    str,
    TextForm(
        r"\$principal\.(?:id|client|issuer)|\$(?:principal|request)\.claims(?:\.\w+)+",
        "$principal.id, $principal.client, $principal.issuer, or a claim: $request.claims.tenant",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCacheSettings:
    """`[sources.NAME.cache]`: keep answers to reads and give them again, by the rules of HTTP caching (RFC 9111).

    The origin's headers decide (`Cache-Control`, `Expires`, `ETag`, `Vary`, …). The times below are for answers whose
    headers say nothing; only `override` makes them stand above the headers. An answer is given only to requests that
    the gateway sends with equal headers, unless the origin says `public` or `trust_vary` is true. Never kept are
    answers with `Set-Cookie` or `no-store`, and answers to mutations.

    Attributes:
        enabled: Whether to cache responses of this source.
        ttl_s: How long an answer is fresh if its headers do not say so; by default it is not fresh at all.
        override: Use `ttl_s` even against the headers, `private` and `no-store` included. Only for public data whose
            backend forbids caching without a reason, as PHP's `session_start()` does; what sets a cookie is not kept,
            but by `ignored_cookies`.
        ignored_cookies: Cookies that say nothing of the answer that sets them, `["PHPSESSID"]`: an answer to a request
            without cookies that sets no others is kept, without them. Only for what is the same for everybody who
            has not logged in: PHP's `session_start()` sets one for whoever comes without.
        trust_vary: The origin's `Vary` names every request header that changes its answer. Then an answer is
            shared by all requests that are equal in those, whatever else they send. A request with `Cookie` shares
            only what is `public`, or whose `Vary` names `Cookie`.
        heuristic: Where only `Last-Modified` hints how long an answer is fresh, take a tenth of the time since then.
        private_id: The member of the principal that a private answer belongs to: `$principal.id`,
            `$request.claims.tenant`. Answers that say `private` are then kept too, for that principal only. Without
            it they are kept only where the schema says `@cacheControl(scope: PRIVATE)`, by `$principal.id`.
        negative_ttl_s: How long a 404 or 410 is kept if its headers do not say so.
        stale_while_revalidate_s: How long a stale answer may still be given while it is refreshed, if its headers do
            not say so.
        stale_if_error_s: How long a stale answer may be given in place of a failure, if its headers do not say so: the
            source cannot be reached, its breaker is open, or it answers 500, 502, 503 or 504.
    """

    enabled: bool = False
    ttl_s: Seconds | None = None
    override: bool = False
    ignored_cookies: tuple[CookieName, ...] = ()
    trust_vary: bool = False
    heuristic: bool = False
    private_id: PrivateId | None = None
    negative_ttl_s: SecondsOrZero = 0.0
    stale_while_revalidate_s: SecondsOrZero = 0.0
    stale_if_error_s: SecondsOrZero = 0.0

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if self.override and self.ttl_s is None:
            raise ValueError("`override` needs `ttl_s`: how long an answer is fresh")

    def digest(self) -> str:
        """What is kept under these settings is not found under others: who may get it was decided by them."""
        return blake2b(repr(self).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCacheSettings:
    """`[response_cache.redis]`: a second tier in the Redis of `[redis]`, which all workers and pods share.

    A read looks into the worker's memory, then into Redis, then asks the origin. If Redis fails, hangs, loads its data
    or is full, no request fails: it is not asked for a second, and the origin is asked. Set its `maxmemory-policy` to
    `volatile-ttl`.

    Attributes:
        enabled: Whether answers are kept in Redis too.
        fetch_timeout_s: Seconds for one read, connecting included; then the origin is asked.
        insert_timeout_s: Seconds for one write; no request waits for it.
        invalidate_timeout_s: Seconds for one purge; a purge that fails is repeated until Redis has it.
        lease_s: Seconds that workers and pods wait for another one that is already asking the origin for the same
            answer; 0 to ask at once.
    """

    enabled: bool = False
    fetch_timeout_s: Seconds = 0.15
    insert_timeout_s: Seconds = 0.5
    invalidate_timeout_s: Seconds = 1.0
    lease_s: SecondsOrZero = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCacheSettings:
    """`[response_cache]`: where the answers of all sources with `cache.enabled` are kept.

    Attributes:
        max_bytes: Memory of each worker for answers; the least recently used is evicted first.
        redis: A second tier for all workers and pods.
        whole_answers: Keep the whole answer of an operation, too, where each of its fields came from the cache twice.
            It is given only to clients who may share an execution (`traffic_shaping.router.dedupe`).
        client_headers: Tell clients how an answer was cached: `Cache-Status` (RFC 9211), and in answers to GET
            `Cache-Control`, `Age` and an `ETag`, which a conditional request gets a 304 for. Only for operations
            whose fields all come from sources with a cache.
        tag_header: A header with the tags of an answer, for a CDN that purges by them: `cache-tag`, `surrogate-key`;
            "" for none. It needs `client_headers`.
    """

    max_bytes: Bytes = 64 * 1024 * 1024
    redis: SharedCacheSettings = field(default_factory=SharedCacheSettings)
    whole_answers: bool = True
    client_headers: bool = False
    tag_header: HeaderNameOrEmpty = ""
