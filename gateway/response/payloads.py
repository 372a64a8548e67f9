"""The payloads of incremental delivery as clients read them, in the current format and in Apollo's older one.

Errors are masked in every payload as in the first. It executes nothing and knows no protocol.

Source: the incremental delivery of the GraphQL specification's draft, as graphql-core 3.3 has it; and for
`deferSpec=20220824` the payloads that Apollo Client 3 reads.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

import orjson
from graphql import ExecutionResult, GraphQLError

from gateway.response.encoding import encode_members
from gateway.response.masking import ErrorMask
from gateway.response.record import Answer, OperationRecord
from gateway.runtime.bounds import bytes_error

if TYPE_CHECKING:  # graphql-core 3.2 has none
    from graphql import ExperimentalIncrementalExecutionResults

PayloadFormat = Literal["current", "20220824"]
Payload = dict[str, Any]


async def payloads_of(
    result: ExecutionResult | ExperimentalIncrementalExecutionResults,
    mask: ErrorMask,
    record: OperationRecord,
    how: PayloadFormat,
) -> AsyncGenerator[Answer, None]:
    """The payloads of one operation, encoded. Closing it ends what is deferred.

    Args:
        result: Of the executor.
        mask: Decides what of an error the client sees.
        record: Gets the errors.
        how: The format.
    """
    writer = (Older if how == "20220824" else Current)(mask, record)
    if isinstance(result, ExecutionResult):
        payload: Payload = {"data": result.data, **writer.errors(result.errors)}
        yield Answer(writer.encode({**payload, "hasNext": False}), True, 200, record)
        return
    async with aclosing(result.subsequent_results) as later:
        yield Answer(writer.encode(writer.initial(result.initial_result)), True, 200, record)
        async for part in later:
            yield Answer(writer.encode(writer.later(part)), True, 200, record)


class Current:
    """Payloads that name what is pending, and tell what is completed.

    Args:
        mask: Decides what of an error the client sees.
        record: Gets the errors.
    """

    def __init__(self, mask: ErrorMask, record: OperationRecord) -> None:
        self._mask = mask
        self._record = record
        self._errors_left = mask.limits.max_errors

    def encode(self, payload: Payload) -> bytes:
        """A payload as JSON. Errors: ResultLimitError."""
        body = encode_members(payload)
        if len(body) > self._mask.limits.max_bytes:
            raise bytes_error(self._mask.limits)
        return body

    def errors(self, errors: Sequence[GraphQLError] | None) -> Payload:
        """The member `errors`, where there are some."""
        if not errors:
            return {}
        formatted = self._mask.format_errors(errors, self._record, left=self._errors_left)
        self._errors_left = max(0, self._errors_left - len(errors))
        return {"errors": formatted}

    def initial(self, result: Any) -> Payload:
        """The first payload."""
        pending = [item.formatted for item in result.pending]
        payload = {"data": result.data, **self.errors(result.errors)}
        return {**payload, "pending": pending, "hasNext": result.has_next}

    def later(self, result: Any) -> Payload:
        """One of the payloads after it."""
        payload: Payload = {}
        if result.pending:
            payload["pending"] = [item.formatted for item in result.pending]
        if result.incremental:
            payload["incremental"] = [self._part(item) for item in result.incremental]
        if result.completed:
            payload["completed"] = [
                {"id": item.id, **self.errors(item.errors)} for item in result.completed
            ]
        return {**payload, "hasNext": result.has_next}

    def _part(self, item: Any) -> Payload:
        values = {"items": item.items} if hasattr(item, "items") else {"data": item.data}
        place: Payload = {"id": item.id}
        if getattr(item, "sub_path", None):
            place["subPath"] = item.sub_path
        return {**place, **values, **self.errors(item.errors)}


class Older(Current):
    """Payloads that say of each part its path, and nothing of what is pending."""

    def __init__(self, mask: ErrorMask, record: OperationRecord) -> None:
        super().__init__(mask, record)
        self._pending: dict[str, Any] = {}
        self._counts: dict[str, int] = {}
        self._data: Any = None  # of all payloads: what is streamed begins where a list ends

    def initial(self, result: Any) -> Payload:
        """The first payload."""
        self._data = result.data
        self._announce(result.pending)
        return {"data": result.data, **self.errors(result.errors), "hasNext": result.has_next}

    def later(self, result: Any) -> Payload:
        """One of the payloads after it."""
        new = {item.id: item for item in result.pending or ()}
        parts: list[Any] = []
        for item in result.incremental or ():
            if item.id in new:  # announced and delivered in one payload, after what it is in
                self._announce([new.pop(item.id)])
            parts.append(self._older_part(item))
        self._announce(new.values())
        for item in result.completed or ():
            pending = self._pending.pop(item.id)
            if item.errors:
                parts.append({"data": None, **_place(pending), **self.errors(item.errors)})
        payload: Payload = {"incremental": parts} if parts else {}
        return {**payload, "hasNext": result.has_next}

    def _announce(self, pending: Iterable[Any]) -> None:
        for item in pending:
            self._pending[item.id] = item
            there = _at(self._data, item.path)
            if isinstance(there, list):
                self._counts[item.id] = len(there)

    def _older_part(self, item: Any) -> orjson.Fragment:
        """A part as JSON: what is merged below has other parts put into it later."""
        pending = self._pending[item.id]
        errors = self.errors(item.errors)
        if hasattr(item, "items"):
            start = self._counts.get(item.id, 0)
            self._counts[item.id] = start + len(item.items)
            encoded = self.encode({"items": item.items, **_place(pending, (start,)), **errors})
            there = _at(self._data, pending.path)
            if isinstance(there, list):
                there += item.items
            return orjson.Fragment(encoded)
        below = item.sub_path or ()
        encoded = self.encode({"data": item.data, **_place(pending, below), **errors})
        there = _at(self._data, [*pending.path, *below])
        if isinstance(there, dict):
            there.update({k: v for k, v in item.data.items() if k not in there})
        return orjson.Fragment(encoded)


def _place(pending: Any, below: Sequence[str | int] = ()) -> Payload:
    label = {} if pending.label is None else {"label": pending.label}
    return {"path": [*pending.path, *below], **label}


def _at(data: Any, path: Sequence[str | int]) -> Any:
    """What stands at a path of the answer; None where there is nothing."""
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data
