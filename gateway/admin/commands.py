"""What may be commanded: the shape of a command, and of its answer. No HTTP but its words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """One command, as it was sent by somebody who may.

    Attributes:
        by: The name of the key that it came with.
        body: JSON; None without a body.
        query: The URL's parameters.
    """

    by: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a command.

    Attributes:
        body: JSON.
        status: HTTP's.
        audit: Members of its line in the audit log.
    """

    body: Any
    status: int = 200
    audit: Mapping[str, Any] = field(default_factory=dict)


class CommandError(Exception):
    """A command that cannot be followed, and why: whoever sent it is told."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


Action = Callable[[Command], Awaitable[Done]]


class Commands:
    """The commands of one worker, by method and path.

    Each room adds its own. A GET shows something and changes nothing: it is not audited.
    """

    def __init__(self) -> None:
        self.actions: dict[tuple[str, str], Action] = {}

    def add(self, method: str, path: str, action: Action) -> None:
        """Let a command be given. It runs in the worker that has the port, and sees to the others itself."""
        self.actions[method, path] = action
