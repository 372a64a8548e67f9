"""What may be set for the HTTP endpoint. Plain data."""

from __future__ import annotations

from dataclasses import dataclass


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
