"""ASGI's types. Source: the ASGI specification, version 3."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ClientDisconnectedError(Exception):
    """The client went away before its request was whole: there is nobody to answer."""
