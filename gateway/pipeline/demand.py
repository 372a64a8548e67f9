"""What operations cost, and who may still have them: between variables and execution, for every transport.

    admit    the estimate; limits of cost; what is taken of the client's quota
    begin    beside an execution: what counts its result, and sources that are not asked
    counted  after it: what it has cost
    settle   after each client's answer: what was taken of its quota too much is given back

An execution that several clients share is paid by each of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import ExecutionResult

from gateway.auth.principal import Principal
from gateway.auth.settings import ClientSettings
from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import AwaitableOrValue, then
from gateway.context import Context
from gateway.cost.formula import Given
from gateway.cost.nodes import OperationCost
from gateway.cost.operation_cost import evaluated
from gateway.cost.settings import CostSettings
from gateway.cost.tally import Tally
from gateway.errors import ClientError
from gateway.pipeline.explain import Explain
from gateway.pipeline.operation import Operation
from gateway.plan.collect import CannotCompileError
from gateway.quotas.quotas import Quotas, QuotaSubject, Taken
from gateway.response.record import Answer
from gateway.telemetry.records import members

logger = logging.getLogger("gateway.cost")


# What answers have really cost is counted for so many requests of an operation, and then for one in `ONE_IN`; for all
# of them where a quota is of cost.
COUNTED = 100
ONE_IN = 16
# Principals of whom it is remembered which quota they have; those that a hook makes are new for each request.
MOST_SUBJECTS = 2_000


@dataclass(slots=True)
class OperationDemand:
    """What one operation demands.

    Attributes:
        cost: What it costs; None where that is not counted, or cannot be said.
        estimated: What it may cost.
        is_counted: Whether what it really costs is counted.
        refused: The sources that it costs too much.
        taken: Of its client's quota; None where it has none.
    """

    cost: OperationCost | None
    estimated: float = 0
    is_counted: bool = False
    refused: tuple[str, ...] = ()
    taken: Taken | None = None


class Demand:
    """Weighs and admits operations.

    Args:
        settings: `[cost]`.
        explain: Who is shown what an operation costs.
        quotas: Of the worker; None without any.
        clients: The applications, of which some have a policy of their own.
    """

    def __init__(
        self,
        settings: CostSettings,
        explain: Explain,
        quotas: Quotas | None,
        clients: Mapping[str, ClientSettings],
    ) -> None:
        self._policies = {name: client.quota for name, client in clients.items()}
        self._weighs = settings.mode != "off"
        self._is_enforced = settings.mode == "enforce"
        self._max = settings.max
        self._explain = explain
        self._quotas = quotas
        self._counts_all = quotas is not None and quotas.counts_cost
        self._subjects: dict[Principal, QuotaSubject | None] = {}
        self._budgets = {
            name: source.max for name, source in settings.sources.items() if source.max is not None
        }

    def admit(self, operation: Operation) -> AwaitableOrValue[Operation]:
        """Weigh an operation and take of its client's quota; gives it back.

        Errors: ClientError(COST_ESTIMATED_TOO_EXPENSIVE), (COST_INVALID_SLICING_ARGUMENTS), (RATE_LIMIT_EXCEEDED),
            (UNCACHED_DOCUMENTS_LIMIT).
        """
        estimated: float = 0
        if self._weighs:
            operation.demand = demand = self.weigh(operation)
            estimated = demand.estimated
        if self._quotas is None:
            return operation
        taken = self._take(self._quotas, operation.client, estimated)
        if taken is None:
            return operation
        if type(taken) is Taken:  # counted here
            return self._check_quota(operation, taken)
        return then(taken, partial(self._check_quota, operation))

    def _take(
        self, quotas: Quotas, client: ClientRequest, cost: float
    ) -> AwaitableOrValue[Taken] | None:
        principal = client.principal
        try:
            subject = self._subjects[principal]
        except KeyError:
            subject = self._find_subject(quotas, principal)
        return None if subject is None else quotas.take(subject, client.client_key, cost)

    def _find_subject(self, quotas: Quotas, principal: Principal) -> QuotaSubject | None:
        if len(self._subjects) >= MOST_SUBJECTS:
            self._subjects.clear()
        named = self._policies.get(principal.client) if principal.client is not None else None
        found = self._subjects[principal] = quotas.subject_of(principal, named)
        return found

    def _check_quota(self, operation: Operation, taken: Taken) -> Operation:
        if operation.demand is not None:
            operation.demand.taken = taken
        if taken.back_at_s is not None:
            told = taken.policy.tell(taken.back_at_s, taken.at_s)
            operation.record.quota_headers = told
        if not taken.is_admitted:
            assert self._quotas is not None
            self._quotas.check(taken)
        return operation

    def weigh(self, operation: Operation) -> OperationDemand:
        """What an operation demands; nothing is taken of a quota.

        Errors: ClientError(COST_ESTIMATED_TOO_EXPENSIVE), (COST_INVALID_SLICING_ARGUMENTS), (UNCACHED_DOCUMENTS_LIMIT).
        """
        costs = operation.prepared.costs
        if costs is None:
            return OperationDemand(None)
        cost = costs.only
        if cost is None:
            try:
                cost = costs.of(operation.variables.coerced, operation.client.client_key)
            except CannotCompileError as exc:
                if self._is_enforced:
                    problem = f"What the operation costs cannot be told: {exc}."
                    raise too_expensive(problem) from exc
                return OperationDemand(None)
        estimated = cost.fixed
        if estimated is None:
            estimated = cost.formula.value(self._given(operation))
        operation.record.cost_estimated = estimated
        costs.requests = number = costs.requests + 1
        is_counted = self._counts_all or number <= COUNTED or not number % ONE_IN
        demand = OperationDemand(cost, estimated, is_counted)
        if self._budgets:
            self._check_sources(operation, demand, cost)
        if self._max is not None and estimated > self._max:
            self._exceed(operation, estimated, self._max)
        if self._explain.is_open and self._explain.asks_cost(operation.client.headers):
            demand.is_counted = True
            shown = {**(operation.extensions or {}), "cost": self._shown(operation, demand, cost)}
            operation.extensions = shown
        return demand

    def _given(self, operation: Operation) -> Given:
        """What a request gives."""
        literals = operation.literals
        raws = literals.raws if literals is not None else None
        return Given(operation.variables.coerced, raws, self._is_enforced)

    def _check_sources(
        self, operation: Operation, demand: OperationDemand, cost: OperationCost
    ) -> None:
        """Note the sources that an operation costs too much."""
        given = self._given(operation)
        over = tuple(
            name
            for name, most in self._budgets.items()
            if name in cost.by_source and cost.by_source[name].value(given) > most
        )
        if over:
            operation.record.over_cost = over
            if self._is_enforced:
                demand.refused = over

    def _exceed(self, operation: Operation, estimated: float, most: int) -> None:
        """Errors: ClientError(COST_ESTIMATED_TOO_EXPENSIVE), unless it is only measured."""
        operation.record.over_cost = ("operation", *operation.record.over_cost)
        problem = f"The operation costs up to {estimated:g}; cost.max is {most}."
        if self._is_enforced:
            raise too_expensive(problem, estimated=estimated, max=most)
        logger.warning(
            "the limit would refuse the operation: %s",
            problem,
            extra=members(
                operation_name=operation.record.operation_name, code="COST_ESTIMATED_TOO_EXPENSIVE"
            ),
        )

    def _shown(
        self, operation: Operation, demand: OperationDemand, cost: OperationCost
    ) -> dict[str, Any]:
        """What a client is shown that asks for it; what it has really cost is added when that is known."""
        return {
            "estimated": demand.estimated,
            "max": self._max,
            "by_source": evaluated(cost.by_source, self._given(operation)),
            "formula": str(cost.formula),
        }

    def begin(self, operation: Operation, context: Context, *, counts: bool = True) -> None:
        """Leave out the sources that an execution costs too much, and let it be counted."""
        demand = operation.demand
        if demand is None or demand.cost is None:
            return
        if demand.refused:
            context.stats.refused = demand.refused
        if counts and demand.is_counted:
            context.stats.tally = Tally(demand.cost, self._given(operation))

    def counted(
        self, operation: Operation, context: Context, result: ExecutionResult
    ) -> float | None:
        """What an execution has cost; None where nobody has counted."""
        tally: Tally | None = context.stats.tally
        if tally is None:
            return None
        tally.take(result.data)
        shown = operation.extensions.get("cost") if operation.extensions else None
        if shown is not None:
            shown |= {"actual": tally.total, "delta": tally.total - shown["estimated"]}
        return tally.total

    def settle(self, operation: Operation, answer: Answer) -> None:
        """Note what an answer has cost, and give back what was taken too much for it."""
        demand, cost = operation.demand, answer.cost
        if demand is None or cost is None:
            return
        answer.record.cost_actual = cost
        if demand.taken is not None and self._quotas is not None:
            self._quotas.settle(demand.taken, charge(demand, answer, cost))

    def pay_event(self, operation: Operation, answer: Answer) -> AwaitableOrValue[None]:
        """Take what an event has cost of its client's quota. Errors: ClientError(RATE_LIMIT_EXCEEDED)."""
        if self._quotas is None:
            return None
        cost: float = 0
        if operation.demand is not None:
            cost = charge(operation.demand, answer, answer.cost)
        taken = self._take(self._quotas, operation.client, cost)
        return None if taken is None else then(taken, self._quotas.check)


def charge(demand: OperationDemand, answer: Answer, cost: float | None) -> float:
    """What an answer is to be paid with: what it has cost.

    At least the estimate where there is an error: what it has made null was fetched all the same. The estimate, too,
    where nobody has counted.
    """
    if cost is None:
        return demand.estimated
    return max(cost, demand.estimated) if answer.record.error_codes else cost


def too_expensive(problem: str, **extensions: float) -> ClientError:
    """The error of an operation that costs too much."""
    return ClientError(
        problem, code="COST_ESTIMATED_TOO_EXPENSIVE", extensions={"cost": extensions}
    )
