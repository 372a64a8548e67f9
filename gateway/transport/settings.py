"""What may be set for the endpoints. Plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from gateway.settings.kinds import (
    Bytes,
    BytesOrZero,
    Count,
    HeaderName,
    Origin,
    OriginPattern,
    Seconds,
    WholeSeconds,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """`[http]`: the GraphQL endpoint.

    Attributes:
        max_body_bytes: Largest request body, before and after decompression; a larger one is rejected with 413 as
            it arrives. Apollo Router's default is 2 MB.
        max_header_bytes: Largest request line and headers; a larger request is rejected with 431. Node.js's
            default is 16 KB.
        draft_statuses: Answer with the status codes of the specification's draft under
            `application/graphql-response+json`: 294 for data with errors, 422 for what is well-formed but
            cannot be executed.
        graphiql: Serve GraphiQL to browsers at the endpoint's path.
        graphiql_query: The query that GraphiQL shows first.
        trust_request_id: Use the request's `x-request-id`. Only behind a proxy that sets it.
    """

    max_body_bytes: Bytes = 2_000_000
    max_header_bytes: Bytes = 16_384
    draft_statuses: bool = False
    graphiql: bool = True
    graphiql_query: str = "{\n  __typename\n}\n"
    trust_request_id: bool = False


# Fetch Standard: headers that are safelisted, and forbidden ones, which a page cannot set and a browser sends itself.
# And those that proxies, CDNs, clouds, meshes and tracers put on every request.
_UNASKED = re.compile(
    r"accept(-language|-encoding|-charset)?|content-(language|type|length)|range|user-agent|referer|origin|host|"
    r"cookie2?|connection|cache-control|pragma|date|dnt|expect|keep-alive|te|trailer|transfer-encoding|upgrade(-.*)?|"
    r"via|priority|sec-.*|proxy-.*|access-control-.*|dpr|save-data|viewport-width|width|downlink|ect|rtt|"
    r"if-(match|none-match|modified-since|unmodified-since|range)|authorization|"
    r"(x-)?forwarded(-.*)?|x-(real|client|cluster-client|true-client|original-forwarded)-(ip|for)|true-client-ip|"
    r"x-(original|envoy|istio|ot|b3|amz|amzn|azure|google|goog|appengine|cloud|akamai|varnish|datadog|arr|ms|vercel|auth-request)-.*|"
    r"(cf|fastly|akamai|fly|l5d|grpc|cloudfront|ali|tencent)-.*|cdn-loop|x-(varnish|scheme|cdn|ssl|arr-ssl|waf-.*)|"
    r"(x-)?(request|correlation|trace|span|transaction)-?id|traceparent|tracestate|baggage|b3|uber-trace-id|sentry-trace|newrelic"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrfSettings:
    """`[csrf]`: pages of other sites cannot make a browser execute anything with its cookies.

    A browser asks before it sends JSON or a header of one's own to another site (a preflight request); the
    answer to that is `[[cors.policies]]`. It does not ask before it sends a form or a plain GET.

    Attributes:
        enabled: Reject requests that a browser may send without a preflight request.
        get: `guarded` refuses a GET that the browser marks as another site's (`Sec-Fetch-Site: cross-site`
            or `same-site`) and that has neither a required header nor an allowed origin;
            `require_header` refuses every GET without a required header.
        required_headers: Headers that prove a preflight request; one is enough. Apollo's clients send them. A header
            that a browser sends without asking, `accept` or `sec-fetch-mode`, or that proxies and meshes add,
            `x-request-id` or `traceparent`, proves nothing and ends the start.
    """

    enabled: bool = True
    get: Literal["guarded", "require_header"] = "guarded"
    required_headers: tuple[HeaderName, ...] = (
        "apollo-require-preflight",
        "x-apollo-operation-name",
    )

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        for name in self.required_headers:
            if _UNASKED.fullmatch(name.lower()):
                raise ValueError(
                    f"{name} proves no preflight request: browsers send it without one, or proxies add it"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsPolicy:
    """One of `[[cors.policies]]`: what pages of some origins may do; the first that fits decides.

    Attributes:
        origins: `https://app.example`; `*` is every one.
        match_origins: Regular expressions that the whole origin matches.
        allow_credentials: Browsers may send cookies along; not with `*`.
        allow_headers: Request headers that pages may send; by default those that the preflight request names.
        methods: Methods that pages may use.
        expose_headers: Answer headers that pages may read.
        max_age_s: How long a browser may keep the answer to its preflight request.
    """

    origins: tuple[Origin, ...] = ()
    match_origins: tuple[OriginPattern, ...] = ()
    allow_credentials: bool = False
    allow_headers: tuple[HeaderName, ...] = ()
    methods: tuple[HeaderName, ...] = ("GET", "POST")
    expose_headers: tuple[HeaderName, ...] = ()
    max_age_s: WholeSeconds | None = None

    def __post_init__(self) -> None:
        """Errors: ValueError."""
        if not self.origins and not self.match_origins:
            raise ValueError("a policy needs `origins` or `match_origins`")
        if "*" in self.origins and self.allow_credentials:
            raise ValueError("`*` and `allow_credentials` would give every site the user's cookies")


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsSettings:
    """`[cors]`: pages of other origins; none may read an answer by default.

    Attributes:
        policies: By origin.
    """

    policies: tuple[CorsPolicy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchingSettings:
    """`[batching]`: several operations in one POST, as a JSON array.

    Attributes:
        enabled: Accept them.
        max_operations: More are refused.
    """

    enabled: bool = False
    max_operations: Count = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressionSettings:
    """`[compression]`: answers in a coding that the client accepts, and compressed requests.

    Attributes:
        encodings: Which may be used, the first one first where a client likes several equally. zstd is last
            because some clients announce it and cannot read it.
        min_size_bytes: Smallest response that is compressed.
        requests: Read requests that are compressed by zstd, br, gzip or deflate; else they are refused with 415.
    """

    encodings: tuple[Literal["zstd", "br", "gzip"], ...] = ("br", "gzip", "zstd")
    min_size_bytes: BytesOrZero = 1_400
    requests: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSettings:
    """`[uploads]`: files sent along with an operation, by the GraphQL multipart request specification.

    Such a request needs one of `csrf.required_headers`: any page could send it otherwise.

    Attributes:
        enabled: Accept them; the schema declares `scalar Upload`.
        max_files: Files per request.
        max_file_size_bytes: Size of each file; a larger one is rejected as it arrives.
        stream: Execute the operation while its last file is still on its way, when that is larger than
            512 KB: a resolver then reads it as it comes, once, and its `size` is None until the end. What is
            wrong with such a file is an error of the field that reads it.
    """

    enabled: bool = False
    max_files: Count = 10
    max_file_size_bytes: Bytes = 10_000_000
    stream: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalSettings:
    """`[incremental]`: answers in several payloads.

    Attributes:
        enabled: Clients may use `@defer` and `@stream`. `@stream`, and some forms
            of `@defer`, run on graphql-core's executor.
    """

    enabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSettings:
    """`[subscription]`: operations over WebSockets, Server-Sent Events and multipart answers.

    Attributes:
        enabled: Serve subscriptions. When off, they are rejected on every transport.
        max_connections: Open WebSockets per worker; one more is answered with 503.
        max_operations_per_connection: Concurrent operations per socket; one more ends with an error.
        max_message_bytes: A longer message closes the socket with 1009.
        max_init_bytes: A longer message before or with `connection_init`, whose payload stays in memory
            while the socket is open, closes it with 1009.
        init_timeout_s: Seconds from opening a socket to its `connection_init`; then it is closed with 4408.
            graphql-ws's default is 3 s.
        max_queue: Responses queued for one client of a shared subscription; beyond that it ends with
            SLOW_CONSUMER.
        allowed_origins: Origins of pages that may open a WebSocket beside the gateway's own, as
            `https://app.example`; `*` allows every one. A browser sends cookies along whoever asks.
        heartbeat_s: Seconds of silence after which event streams and multipart responses get a heartbeat.
        max_streams: Event streams and multipart responses per worker; one more is answered with 503.
        on_shutdown: `complete` tells every subscription that it is over before the sockets are closed
            with 1001; `reconnect` only closes them, so that a client subscribes again by itself.
    """

    enabled: bool = True
    max_connections: Count = 10_000
    max_operations_per_connection: Count = 100
    max_message_bytes: Bytes = 1_000_000
    max_init_bytes: Bytes = 16_384
    init_timeout_s: Seconds = 5.0
    max_queue: Count = 100
    allowed_origins: tuple[Origin, ...] = ()
    heartbeat_s: Seconds = 12.0
    max_streams: Count = 10_000
    on_shutdown: Literal["complete", "reconnect"] = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """All that the HTTP endpoint is made by.

    Attributes:
        http: Bodies, headers, status codes, GraphiQL.
        csrf: What is refused as another site's.
        cors: What other sites may do.
        batching: Several operations in one request.
        compression: Answers and requests that are compressed.
        uploads: Files in requests.
        inserted_headers: What every answer has, by lower-case name.
    """

    http: HttpSettings = field(default_factory=HttpSettings)
    csrf: CsrfSettings = field(default_factory=CsrfSettings)
    cors: CorsSettings = field(default_factory=CorsSettings)
    batching: BatchingSettings = field(default_factory=BatchingSettings)
    compression: CompressionSettings = field(default_factory=CompressionSettings)
    uploads: UploadSettings = field(default_factory=UploadSettings)
    inserted_headers: dict[str, str] = field(default_factory=dict)
