"""What a result may be: how many objects, bytes and errors, counted while it is made.

A *node* is an object that a resolver or backend gave, or an item of a list: what multiplies. Objects that are
members of another one's data count where they stand in lists. It counts; who stops and says so is the driver.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from graphql import ExecutionResult, GraphQLError

from gateway.errors import ClientError

PIECE = 1_000
"""Rows of the first piece of a large result; the next ones are of as many as take PIECE_S."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLimits:
    """The bounds of one result. By default there are none, as graphql-core has none.

    Attributes:
        max_nodes: `limits.max_response_nodes`.
        max_bytes: `limits.max_response_bytes`.
        max_errors: `errors.max_errors`.
        is_paused: Whether the event loop is given back while a large result is made.
        first_mark: At how many nodes left a run looks at itself for the first time.
    """

    max_nodes: int = sys.maxsize
    max_bytes: int = sys.maxsize
    max_errors: int = sys.maxsize
    is_paused: bool = False
    first_mark: int = field(init=False)

    def __post_init__(self) -> None:
        mark = max(0, self.max_nodes - PIECE) if self.is_paused else 0
        object.__setattr__(self, "first_mark", mark)


UNLIMITED = ResultLimits()


class ResultLimitError(ClientError):
    """A result that is larger than a limit allows: its making stops, and nothing of it is sent."""

    def result(self) -> ExecutionResult:
        """What is answered in its place."""
        return ExecutionResult(None, [GraphQLError(self.message, original_error=self)])


def nodes_error(limits: ResultLimits) -> ResultLimitError:
    """The error of a result with too many nodes."""
    return ResultLimitError(
        f"The result has more than {limits.max_nodes} objects and list items,"
        " limits.max_response_nodes: ask for fewer.",
        code="MAX_RESPONSE_NODES_LIMIT",
    )


def bytes_error(limits: ResultLimits) -> ResultLimitError:
    """The error of a result whose text is too long."""
    return ResultLimitError(
        f"The response is larger than {limits.max_bytes} bytes, limits.max_response_bytes:"
        " ask for fewer objects or fields.",
        code="MAX_RESPONSE_BYTES_LIMIT",
    )
