"""The context of an application's own, for the schema of a framework that the gateway runs: see `gateway profile`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.context import Context

ApplicationContextFactory = Callable[[Context], Any]
"""Gives, for each request, what the application's resolvers get, or an awaitable of it."""


class ApplicationContext(Context):
    """A request's state in the gateway, with the one that the application's resolvers get.

    Attributes:
        application: What they get.
    """

    __slots__ = ("application",)

    application: Any


def context_of_resolvers(context: Any) -> Any:
    """What a resolver of the schema's own gets for a context."""
    return context.application if context.__class__ is ApplicationContext else context
