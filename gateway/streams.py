"""Running subscriptions: from a source stream's events to encoded answers.

Each event is one execution with a context of its own. It knows no protocol; which errors a client sees is
the mask's to decide.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from gateway.answer import (
    Answer,
    ErrorMask,
    OperationRecord,
    encode_request_error,
    encode_response,
)
from gateway.context import Context
from gateway.errors import RequestError
from gateway.execute.operation import execute_operation
from gateway.execute.prepare import Prepared
from gateway.execute.state import Literals, Variables
from gateway.execute.subscribe import open_source

NewContext = Callable[[], Awaitable[Context]]
MAX_NOTED = 20
"""Codes and ids of errors that the one log line of a subscription may name."""


@dataclass(slots=True)
class Subscription:
    """One subscription as it was admitted.

    Attributes:
        prepared: The operation.
        variables: Coerced.
        literals: The request's own, where the plan was made from another text.
        record: What the log says of it.
        new_context: Makes the state of one execution.
    """

    prepared: Prepared
    variables: Variables
    literals: Literals | None
    record: OperationRecord
    new_context: NewContext


class Stream(AsyncIterator[Answer]):
    """The answers of a subscription. Whoever reads it closes it.

    Attributes:
        record: What the log says of it.
    """

    __slots__ = ("_answers", "record")

    def __init__(self, answers: AsyncGenerator[Answer, None], record: OperationRecord) -> None:
        self._answers = answers
        self.record = record

    async def __anext__(self) -> Answer:
        answer = await anext(self._answers)
        for known, new in (
            (self.record.error_codes, answer.record.error_codes),
            (self.record.error_ids, answer.record.error_ids),
        ):
            known += [item for item in new if item not in known][: MAX_NOTED - len(known)]
        return answer

    async def aclose(self) -> None:
        """Leave the source stream."""
        await self._answers.aclose()


class Streams:
    """The subscriptions of one worker.

    Args:
        mask: Decides what of an error the client sees.
    """

    def __init__(self, mask: ErrorMask) -> None:
        self._mask = mask

    async def open(self, subscription: Subscription) -> Stream:
        """The answers to the events of a subscription. Errors: what `open_source` raises."""
        context = await subscription.new_context()
        # The source stream lives as long as its client listens: its calls have their own time limits.
        context.deadline = math.inf
        source = await open_source(
            subscription.prepared, subscription.variables, context, subscription.literals
        )
        return Stream(self._answers(subscription, source), subscription.record)

    async def _answers(
        self, subscription: Subscription, source: AsyncIterator[Any]
    ) -> AsyncGenerator[Answer, None]:
        async with aclosing(closable(source)):
            try:
                async for payload in source:
                    yield await self._execute(subscription, payload)
            except Exception as exc:
                yield self._failure(exc, subscription)

    async def _execute(self, subscription: Subscription, payload: Any) -> Answer:
        """One event, executed as a request of its own. Raises nothing but cancellation."""
        record = replace(subscription.record, error_codes=[], error_ids=[])
        try:
            result = await execute_operation(
                subscription.prepared,
                subscription.variables,
                await subscription.new_context(),
                subscription.literals,
                payload,
            )
        except Exception as exc:
            return self._failure(exc, subscription)
        errors = self._mask.format_errors(result.errors, record) if result.errors else None
        return Answer(encode_response(result.data, errors), True, 200, record)

    def _failure(self, error: Exception, subscription: Subscription) -> Answer:
        record = replace(subscription.record, error_codes=[], error_ids=[])
        errors = error.errors if isinstance(error, RequestError) else [error]
        formatted = self._mask.format_errors(errors, record, "INTERNAL_SERVER_ERROR")
        return Answer(encode_request_error(formatted), False, 500, record)


def closable(stream: Any) -> Any:
    """A stream with `aclose`: an asynchronous iterator of the user's need not have one."""
    return stream if hasattr(stream, "aclose") else _Endless()


class _Endless:
    async def aclose(self) -> None:
        """Nothing to close."""
