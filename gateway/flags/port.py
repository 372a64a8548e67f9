"""The port to whatever decides flags. `provider` is its adapter to OpenFeature's SDK, which is installed by choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.flags.asked import FlagContext


class FlagAnswer(NamedTuple):
    """What a provider says of a flag.

    Attributes:
        value: JSON; of no use where there is an error.
        variant: Its name; None where the provider names none.
        reason: OpenFeature's.
        error: The code of what went wrong, as FLAG_NOT_FOUND; None where nothing did.
        detail: What went wrong, in words.
    """

    value: Any
    variant: str | None
    reason: str
    error: str | None = None
    detail: str = ""


class FlagPort(Protocol):
    """Decides flags."""

    def ask(self, name: str, default: Any, context: FlagContext) -> AwaitableOrValue[FlagAnswer]:
        """What a flag is for a context; its type is that of the default. An awaitable may raise anything."""
        ...

    def holds(self, name: str) -> bool:
        """Whether what was decided for a context stays so until `changes` is another number."""
        ...

    @property
    def changes(self) -> int:
        """Grows with each change of the flags."""
        ...

    def track(
        self, event: str, context: FlagContext, value: float | None, attributes: Mapping[str, Any]
    ) -> None:
        """Tell that a client has done something."""
        ...

    async def open(self) -> None:
        """Begin. Nothing is raised for a provider that is away: it is asked for until it is there."""
        ...

    async def aclose(self) -> None:
        """End."""
        ...
