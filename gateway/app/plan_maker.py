"""From a document to a plan, by one schema: what a plan cache does on a miss. It holds no revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from graphql import DocumentNode, GraphQLSchema

from gateway.cost.operation_cost import OperationCosts
from gateway.errors import InternalError, RequestError
from gateway.execute.prepared import Prepared
from gateway.graph.views.view import SchemaView
from gateway.language.document import load_document
from gateway.language.fingerprint import fingerprint
from gateway.language.limits import Limits
from gateway.language.normalize import Normalized
from gateway.language.slots import find_slots
from gateway.pipeline.found_plan import FoundPlan, Key, MadePlan
from gateway.plan.work import check_work
from gateway.runtime.bounds import ResultLimits
from gateway.telemetry.trace import TimedPhase

NO_VIEWS: Mapping[str, SchemaView] = {}
Growing = Callable[..., AbstractContextManager[None]]


class PlanMaker:
    """Makes plans.

    Args:
        schema: By which.
        views: The views of it, by their names.
        limits: Of documents.
        results: What one result may be.
        costs: Makes what operations cost; None where nobody asks.

    Attributes:
        growing: Admits and charges whoever has more made of a plan; the cache's.
        lookup: Finds or makes the plan of the whole schema; the cache's.
        valid: Documents by their texts that are known to be valid by the whole schema and within the limits; each is
            taken once.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        results: ResultLimits,
        views: Mapping[str, SchemaView] = NO_VIEWS,
        costs: OperationCosts | None = None,
    ) -> None:
        self._schema = schema
        self._views = views
        self._limits = limits
        self._results = results
        self._costs = costs
        self.growing: Growing | None = None
        self.lookup: Callable[[str, str | None], FoundPlan[Prepared]] | None = None
        self.valid: dict[str, DocumentNode] = {}

    def make(self, key: Key, normalized: Normalized | None) -> MadePlan[Prepared]:
        """Parse, check, validate, plan, compile. Errors: RequestError, ClientError."""
        if key.view is None:
            document = self.valid.pop(key.text, None) or load_document(
                key.text, self._schema, self._limits
            )
            return self._plan(key, document, normalized)
        view = self._view(key.view)
        document = load_document(key.text, view.schema, self._limits)
        if view.changes(document):
            return self._plan(key, document, normalized, view)
        assert self.lookup is not None
        found = self.lookup(key.text, key.operation_name)
        return MadePlan(found.value, literals=found.literals)

    def _view(self, name: str) -> SchemaView:
        """Errors: InternalError for a view that this schema does not have: nothing is answered then."""
        found = self._views.get(name)
        if found is None:
            raise InternalError(f"there is no view {name!r}")
        return found

    def _plan(
        self,
        key: Key,
        document: DocumentNode,
        normalized: Normalized | None,
        view: SchemaView | None = None,
    ) -> MadePlan[Prepared]:
        """Plan and compile a valid document."""
        schema, limits, operation_name = self._schema, self._limits, key.operation_name
        slots = find_slots(schema, document, normalized) if normalized else None
        with TimedPhase("plan"):
            is_planned = check_work(schema, document, operation_name, limits)
            prepared = Prepared(
                schema,
                document,
                operation_name,
                slots=slots.free if slots else None,
                document_hash=fingerprint(key.text, normalized),
                limits=self._results,
                growing=self.growing,
                is_planned=is_planned,
                view=view,
                costs=self._costs,
            )
        if prepared.errors:
            # Refused here, so that invented operation names cannot evict plans.
            raise RequestError(prepared.errors, "OPERATION_RESOLUTION_FAILURE")
        return MadePlan(prepared, slots)
