"""The costs of one prepared operation: one for each set of values of the variables of `@skip` and `@include`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from gateway.cost.nodes import OperationCost
from gateway.cost.operation_cost import OperationCosts
from gateway.plan.collect import CannotCompileError, conditions_of
from gateway.runtime.request import Source
from gateway.runtime.variants import Asker, Growing, Variants


class PreparedCosts:
    """The costs of one operation. The one of an operation without conditions is made at once.

    Args:
        costs: Of the schema.
        source: The document, and which operation of it.
        slots: Literals that other texts of the same plan have other values for.
        denied: Field nodes that are not answered, by `id`.
        growing: Admits and charges the client for whom one is made.

    Attributes:
        only: The one of an operation without conditions; None where there is none, or where it cannot be made.
        requests: How often the operation was asked for.
    """

    def __init__(
        self,
        costs: OperationCosts,
        source: Source,
        slots: Mapping[int, int] | None,
        denied: Collection[int],
        growing: Growing,
    ) -> None:
        self._costs = costs
        self._source = source
        self._slots = slots
        self._denied = denied
        operation = source.operation
        assert operation is not None
        self._operation = operation
        self._conditions = conditions_of(source.document, operation)
        self._found: Variants[OperationCost] = Variants(self._compile, growing)
        self.only: OperationCost | None = None
        self.requests = 0
        if not self._conditions:
            with suppress(CannotCompileError):  # told where somebody asks
                self._found.make_first()
            self.only = next(iter(self._found.all()), None)

    def of(self, coerced: Mapping[str, Any], asker: Asker = None) -> OperationCost:
        """The cost for these variables. Errors: CannotCompileError; ClientError(UNCACHED_DOCUMENTS_LIMIT)."""
        return self._found.lookup(self._conditions, coerced, asker)

    @property
    def size_bytes(self) -> int:
        """What they take in memory, estimated."""
        return sum(cost.size_bytes for cost in self._found.all())

    def _compile(self, conditions: Mapping[str, bool | None]) -> OperationCost:
        return self._costs.compile(
            self._source.document, self._operation, conditions, self._slots, self._denied
        )
