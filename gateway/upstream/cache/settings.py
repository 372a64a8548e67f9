"""What may be set for answers that are kept: of a source, and of a worker. Plain data, which must not be read here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from gateway.settings.kinds import Bytes, HeaderNameOrEmpty, Seconds, SecondsOrZero, TextForm

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

    The origin's headers decide (`Cache-Control`, `Expires`, `ETag`, `Vary`, …); what is set here is for answers whose
    headers say nothing, but where `override` is true. What the gateway sends for different clients is kept apart by
    every header of the request, unless the origin says `public` or `trust_vary` is true. Never kept: answers with
    `Set-Cookie` or `no-store`, and answers to mutations.

    Attributes:
        enabled: Whether to cache responses of this source.
        ttl_s: How long an answer is fresh whose headers do not say; not at all by default.
        override: `ttl_s` counts whatever the headers say, `private` and `no-store` too. For endpoints that are public,
            and whose backend forbids caching without a reason, as PHP's `session_start()` does.
        trust_vary: The origin's `Vary` names every request header that changes its answer. Then an answer is
            shared by all requests that are equal in those, whatever else they send.
        heuristic: An answer with `Last-Modified`, and nothing that says how long it is fresh, is fresh for a tenth of
            the time since then.
        private_id: Whose a private answer is: `$principal.id`, `$request.claims.tenant`. Then answers that say
            `private` are kept too, each for that principal alone. Without it only where the schema says
            `@cacheControl(scope: PRIVATE)`, by `$principal.id`.
        negative_ttl_s: How long 404 and 410 are kept whose headers do not say.
        stale_while_revalidate_s: For so long after an answer was fresh it is given once more, and refreshed meanwhile;
            where the headers do not say.
        stale_if_error_s: For so long after an answer was fresh it stands in when the source fails, its breaker is
            open or the answer is 500, 502, 503 or 504; where the headers do not say.
    """

    enabled: bool = False
    ttl_s: Seconds | None = None
    override: bool = False
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCacheSettings:
    """`[response_cache.redis]`: a second tier in the Redis of `[redis]`, which all workers and pods share.

    Memory is looked at first, then Redis, then the origin is asked. A Redis that fails, hangs, loads or is full
    costs no request: it is left alone for a second, and the origin is asked. Redis evicts best by `volatile-ttl`.

    Attributes:
        enabled: Whether answers are kept in Redis too.
        fetch_timeout_s: Of one look-up, connecting included; then the origin is asked.
        insert_timeout_s: Of one write, for which nobody waits.
        invalidate_timeout_s: Of one purge; where it is not enough the purge is repeated until Redis has it.
        lease_s: How long the other workers and pods wait for the one that asks the origin for an answer which they
            do not have either; 0 to ask at once.
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
        max_bytes: Of one worker's memory. What was used longest ago goes first.
        redis: A second tier for all workers and pods.
        client_headers: Answers say what has become of them here, by `Cache-Status` (RFC 9211), and those to GET how
            fresh they are, by all that they were made of: `Cache-Control`, `Age`, and an `ETag`, which is answered
            with 304. For operations whose every field is a connector's of a source that is kept.
        tag_header: A header with the tags of an answer, for a CDN that purges by them: `cache-tag`, `surrogate-key`;
            "" for none. It needs `client_headers`.
    """

    max_bytes: Bytes = 64 * 1024 * 1024
    redis: SharedCacheSettings = field(default_factory=SharedCacheSettings)
    client_headers: bool = False
    tag_header: HeaderNameOrEmpty = ""
