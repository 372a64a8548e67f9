"""From a document to a plan, by one schema: what a plan cache does on a miss. It holds no revision."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from graphql import GraphQLSchema

from gateway.errors import RequestError
from gateway.execute.prepare import prepare
from gateway.execute.prepared import Prepared
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.language.normalize import Normalized
from gateway.language.slots import find_slots
from gateway.pipeline.found_plan import MadePlan
from gateway.plan.work import check_work
from gateway.runtime.bounds import ResultLimits
from gateway.telemetry.trace import phase

Growing = Callable[[Prepared, str | None], AbstractContextManager[None]]


class PlanMaker:
    """Makes plans.

    Args:
        schema: By which.
        limits: Of documents.
        results: What one result may be.

    Attributes:
        growing: Admits and charges whoever has more made of a plan; the cache's.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits, results: ResultLimits) -> None:
        self._schema = schema
        self._limits = limits
        self._results = results
        self.growing: Growing | None = None

    def make(
        self, text: str, operation_name: str | None, normalized: Normalized | None
    ) -> MadePlan[Prepared]:
        """Parse, check, validate, plan, compile. Errors: RequestError, ClientError."""
        schema, limits = self._schema, self._limits
        document = load_document(text, schema, limits)
        slots = find_slots(schema, document, normalized) if normalized else None
        with phase("plan"):
            is_planned = check_work(schema, document, operation_name, limits)
            prepared = prepare(
                schema,
                document,
                operation_name,
                slots=slots.free if slots else None,
                limits=self._results,
                growing=self.growing,
                is_planned=is_planned,
            )
        if prepared.errors:
            # Refused here, so that invented operation names cannot evict plans.
            raise RequestError(prepared.errors, "OPERATION_RESOLUTION_FAILURE")
        return MadePlan(prepared, slots)
