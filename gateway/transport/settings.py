"""What may be set for the HTTP endpoint. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """`[http]`: the GraphQL endpoint.

    Attributes:
        max_body_bytes: A larger request body is refused with 413 as it arrives. 2 MB is Apollo Router's
            default.
        graphiql: Serve GraphiQL to browsers at the endpoint's path.
        graphiql_query: What GraphiQL's editor holds at first.
        trust_request_id: Take `x-request-id` from the client; only behind a proxy that sets it.
    """

    max_body_bytes: int = 2_000_000
    graphiql: bool = True
    graphiql_query: str = "{\n  __typename\n}\n"
    trust_request_id: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSettings:
    """`[subscription]`: operations over WebSockets, Server-Sent Events and multipart answers.

    Attributes:
        enabled: Serve them. Without, a subscription is refused everywhere.
        max_sockets: Open WebSockets of each worker; one more is answered with 503.
        max_operations_per_socket: Operations under way on one socket; one more ends with an error.
        max_message_bytes: A longer message closes the socket with 1009.
        init_timeout_s: Time from the opening of a socket to its `connection_init`, or it is closed with
            4408. graphql-ws has 3 s.
        max_queue: Answers that may wait for one client of a shared subscription, before it ends with
            SLOW_CONSUMER.
        allowed_origins: Origins of pages that may open a WebSocket beside the service's own, as
            `https://app.example`; `*` allows every one. A browser sends cookies along whoever asks.
        heartbeat_s: Silence after which event streams and multipart answers get a heartbeat.
        max_streams: Event streams and multipart answers of each worker; one more is answered with 503.
        on_shutdown: `complete` tells every subscription that it is over before the sockets are closed
            with 1001; `reconnect` only closes them, so that a client subscribes again by itself.
    """

    enabled: bool = True
    max_sockets: int = 10_000
    max_operations_per_socket: int = 100
    max_message_bytes: int = 1_000_000
    init_timeout_s: float = 5.0
    max_queue: int = 100
    allowed_origins: tuple[str, ...] = ()
    heartbeat_s: float = 12.0
    max_streams: int = 10_000
    on_shutdown: Literal["complete", "reconnect"] = "complete"
