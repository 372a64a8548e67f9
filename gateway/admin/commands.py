"""What may be commanded: the shape of a command, and of its answer. No HTTP but its words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec

MOST_DEPTH = 32
"""Lists and objects inside each other in a command: more than any key of an object has."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command, as it was sent by somebody who may.

    Attributes:
        by: The name of the key that it came with.
        body: JSON, and for its action what the command takes; UNSET without a body.
        query: The URL's parameters, and for its action what the command takes.
    """

    by: str
    body: Any = msgspec.UNSET
    query: Any = field(default_factory=dict)


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


class NoParameters(msgspec.Struct, forbid_unknown_fields=True):
    """The parameters of a command that takes none."""


Action = Callable[[Command], Awaitable[Done]]


class Commands:
    """The commands of one worker, by method and path.

    Each room adds its own, and says what it takes: whatever else is sent with it is refused here. A GET shows
    something and changes nothing: it is not audited.
    """

    def __init__(self) -> None:
        self.actions: dict[tuple[str, str], Action] = {}

    def add(
        self, method: str, path: str, action: Action, *, body: Any = None, query: Any = NoParameters
    ) -> None:
        """Let a command be given. It runs in the worker that has the port, and sees to the others itself.

        Args:
            method, path: By which it is commanded.
            action: Follows it.
            body: The type of the body, for msgspec; None for a command that has none.
            query: The type of the URL's parameters.
        """
        self.actions[method, path] = partial(_follow, action, body, query)


async def _follow(action: Action, body: Any, query: Any, command: Command) -> Done:
    """Follow a command that is of its shape. Errors: CommandError."""
    given = _body(body, command.body)
    try:
        parameters = msgspec.convert(command.query, query)
    except msgspec.ValidationError as exc:
        raise CommandError(f"the URL's parameters: {exc}") from exc
    return await action(replace(command, body=given, query=parameters))


def _body(shape: Any, given: Any) -> Any:
    is_absent = given is msgspec.UNSET
    if shape is None:
        if not is_absent:
            raise CommandError("the command takes no body")
        return given
    _check_depth(given)
    try:
        return msgspec.convert({} if is_absent else given, shape)
    except msgspec.ValidationError as exc:
        raise CommandError("the command needs a body" if is_absent else str(exc)) from exc


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise CommandError(f"the body is nested deeper than {MOST_DEPTH} lists and objects")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
