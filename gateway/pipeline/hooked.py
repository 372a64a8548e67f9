"""The pipeline with hooks, of operations and of responses. Without such hooks it is not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from graphql import ExecutionResult
from msgspec.structs import replace

from gateway.auth.read_only import read_only
from gateway.concurrency.awaitable import AwaitableOrValue, then
from gateway.context import Context
from gateway.hooks.answers import OperationResponse, with_members
from gateway.hooks.hook import Hook
from gateway.hooks.seen import AskedRequest, SeenOperation, SeenRequest
from gateway.pipeline.event_streams import NewContext
from gateway.pipeline.feed import Stream
from gateway.pipeline.operation import Operation
from gateway.pipeline.pipeline import Pipeline
from gateway.pipeline.subscriptions import Subscriptions
from gateway.response.masking import ErrorMask
from gateway.response.payloads import PayloadFormat
from gateway.response.record import Answer
from gateway.response_headers import (
    CACHE_CONTROL,
    NO_STORE,
    SET_COOKIE,
    Header,
    last_cookies,
    restricted,
)


class OperationHooks:
    """The hooks of operations and of their responses.

    Args:
        operations: Look at an operation before it is executed, and may refuse it.
        responses: Add to a response.
        state: What they see of the worker's state.
        is_of_client: Whether any of them may read something of the client.
    """

    def __init__(
        self,
        operations: Sequence[Hook],
        responses: Sequence[Hook],
        state: Mapping[str, Any],
        *,
        is_of_client: bool,
    ) -> None:
        self._operations = operations
        self._responses = responses
        self._state = state
        self._is_of_client = is_of_client

    async def check(self, operation: Operation) -> Operation:
        """Ask the hooks of operations. Errors: those of the hooks."""
        asked, record = AskedRequest(operation.client), operation.record
        for hook in self._operations:
            seen = SeenOperation(
                record.operation_name,
                record.operation_type,
                record.document_hash,
                read_only(operation.params.variables or {}) if hook.takes_variables else None,
            )
            request = SeenRequest(asked, hook.vary, self._state)
            await hook.call(seen, request, gives=type(None))
        return operation

    async def complete(self, mask: ErrorMask, operation: Operation, answer: Answer) -> Answer:
        """The answer with what the hooks of responses add.

        A hook that fails leaves what was executed as it is: its error stands beside the data.
        """
        asked, record = AskedRequest(operation.client), answer.record
        response = OperationResponse(answer.status, tuple(record.error_codes), answer.has_data)
        errors: list[dict[str, Any]] = []
        for hook in self._responses:
            request = SeenRequest(asked, hook.vary, self._state)
            try:
                await hook.call(response, request, gives=type(None))
            except Exception as exc:
                errors += mask.format_errors([exc], record, "INTERNAL_SERVER_ERROR")
        body = answer.body
        if errors or response.extensions:
            try:
                body = with_members(answer.body, response.extensions, errors)
            except Exception as exc:  # an extension that is no JSON
                errors += mask.format_errors([exc], record, "INTERNAL_SERVER_ERROR")
                body = with_members(answer.body, {}, errors)
        changed = replace(
            answer, body=body, encoded=answer.encoded if body is answer.body else None
        )
        return self._with_headers(changed, response.headers.lines())

    def _with_headers(self, answer: Answer, lines: Sequence[Header]) -> Answer:
        """The answer with more headers; those of the same name take the place of its own, cookies stand beside them.

        What one client's cookie is in, no cache may keep.
        """
        if not lines:
            return answer
        names = {name for name, _ in lines} - {SET_COOKIE}
        before = [header for header in answer.headers or () if header[0] not in names]
        cookies = last_cookies(value for name, value in (*before, *lines) if name == SET_COOKIE)
        found = [header for header in (*before, *lines) if header[0] != SET_COOKIE]
        if names & {CACHE_CONTROL} or cookies:
            answer.freshness = None
        if cookies and not any(name == CACHE_CONTROL for name, _ in found):
            found.append((CACHE_CONTROL, NO_STORE))
        found += [(SET_COOKIE, cookie) for cookie in cookies]
        answer.headers = restricted(found, is_of_client=self._is_of_client)
        return answer


class CompletedAnswer(Answer):
    """An answer that has what hooks add to it."""


class HookedPipeline(Pipeline):
    """The stages, with hooks.

    Args:
        hooks: Of operations and responses.
        given, named: As of `Pipeline`.
    """

    def __init__(self, hooks: OperationHooks, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.hooks = hooks

    def run(self, operation: Operation, context: Context) -> AwaitableOrValue[Answer]:
        """As of `Pipeline`."""
        return then(super().run(operation, context), partial(self.complete, operation))

    async def complete(self, operation: Operation, answer: Answer) -> Answer:
        """The answer with what hooks add to it; once."""
        if isinstance(answer, CompletedAnswer):
            return answer
        made = await self.hooks.complete(self.mask, operation, answer)
        return CompletedAnswer(
            made.body,
            made.has_data,
            made.status,
            made.record,
            made.headers,
            made.encoded,
            made.freshness,
        )

    def _dispatch(self, operation: Operation) -> AwaitableOrValue[Answer | ExecutionResult]:
        return then(self.hooks.check(operation), super()._dispatch)


class HookedSubscriptions(Subscriptions):
    """The operations whose answers go on, with hooks.

    Args:
        pipeline: With the hooks.
        given: As of `Subscriptions`.
    """

    def __init__(self, pipeline: HookedPipeline, *given: Any) -> None:
        super().__init__(pipeline, *given)
        self._hooked = pipeline

    async def answer(
        self, operation: Operation, new_context: NewContext, payloads: PayloadFormat = "current"
    ) -> Answer | Stream:
        """As of `Subscriptions`: each answer of a stream has what hooks add for its own client."""
        found = await super().answer(operation, new_context, payloads)
        complete = partial(self._hooked.complete, operation)
        if isinstance(found, Answer):
            return await complete(found)
        return Stream(found, complete, found.fail, found.record)

    async def begin(
        self, operation: Operation, new_context: NewContext, payloads: PayloadFormat
    ) -> Answer | Stream:
        """As of `Subscriptions`. Errors: those of the hooks, too."""
        await self._hooked.hooks.check(operation)
        return await super().begin(operation, new_context, payloads)
