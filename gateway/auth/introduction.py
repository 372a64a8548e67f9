"""Who opens a connection, and what of its head and its first words goes on. Plain data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from gateway.auth.principal import Principal

Headers = Mapping[str, str]
Identify = Callable[[], Awaitable[Principal]]


class Introduction(NamedTuple):
    """Who opens a connection, and what it has said.

    Attributes:
        found: Who, or what finds that out.
        headers: Those of its handshake, with what it introduced itself with in their place: what is passed on to
            backends is what was verified.
        given: The names of the headers that it gave.
        params: What it said beside.
    """

    found: Principal | Identify
    headers: Headers
    given: frozenset[str]
    params: dict[str, Any]
