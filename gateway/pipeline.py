"""The path of a request, stage by stage: document → plan → variables → fetch and shape → bytes.

Each stage is a named call into the room that owns it; this file has no logic of its own and must stay
short enough to be read at one sitting.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError

from gateway.context import Context
from gateway.errors import CODES, ClientError
from gateway.execute.encode import encode_response
from gateway.execute.mask import ErrorMask
from gateway.execute.prepare import Prepared
from gateway.execute.run import execute_operation
from gateway.plan.cache import PlanCache

logger = logging.getLogger("gateway.errors")


@dataclass(slots=True)
class GraphQLParams:
    """What a client sent, checked for its JSON types only.

    Attributes:
        query: The document's text.
        variables: As sent.
        operation_name: None when not sent.
        extensions: As sent.
    """

    query: str | None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None


@dataclass(slots=True)
class OperationRecord:
    """What the log line and the metrics say of an operation. No variable, no literal.

    Attributes:
        operation_name: None for an anonymous one, or when the document is refused.
        operation_type: "query", "mutation" or "subscription".
        document_hash: SHA-256 of the document's text, first 16 hex digits.
        cache: How the plan was found: "exact", "normalised" or "miss".
        path: "compiled" or "fallback".
        error_codes: `extensions.code` of each error, distinct, in order.
        error_ids: Ids of masked errors.
    """

    operation_name: str | None = None
    operation_type: str | None = None
    document_hash: str | None = None
    cache: str | None = None
    path: str | None = None
    error_codes: list[str] = field(default_factory=list)
    error_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Answer:
    """An encoded answer, and what the transport needs to know to send it.

    Attributes:
        body: The GraphQL response as JSON bytes.
        has_data: False for a request error: nothing was executed.
        status: HTTP status under `application/graphql-response+json`.
        record: For the log line.
        allow: The `Allow` header that belongs to status 405.
    """

    body: bytes
    has_data: bool
    status: int
    record: OperationRecord
    allow: str | None = None


class Pipeline:
    """The five stages, for one generation of schema and configuration.

    Args:
        plans: Finds or makes the plan of a document.
        mask: Decides what of an error the client sees.
    """

    def __init__(self, plans: PlanCache[Prepared], mask: ErrorMask) -> None:
        self.plans = plans
        self.mask = mask

    async def run(self, params: GraphQLParams, context: Context, *, read_only: bool) -> Answer:
        """Answer one operation. Never raises but for cancellation.

        Args:
            params: As sent.
            context: The request's state.
            read_only: The transport is for queries only (GET).
        """
        record = OperationRecord()
        try:
            text = _document_text(params)
            found = await self.plans.find(text, params.operation_name)
            prepared = found.value
            record.operation_name = prepared.operation_name
            record.operation_type = prepared.operation_type
            record.document_hash = prepared.document_hash
            record.cache = found.how
            record.path = prepared.path
            if read_only and prepared.operation_type != "query":
                return self._refused_method(record)
            result = await execute_operation(prepared, found.slots, params.variables, context)
        except (ClientError, GraphQLError) as exc:
            return self._request_error([exc], record)
        except ExceptionGroup as exc:
            return self._request_error(list(exc.exceptions), record)
        except Exception as exc:
            return self._request_error([exc], record)
        errors = self.mask.format_all(result.errors, record) if result.errors else None
        return Answer(encode_response(result.data, errors, None), True, 200, record)
