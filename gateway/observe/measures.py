"""What is measured of operations and their steps, and the registry where all numbers of a worker are read.

What a service counts for itself (plan cache, dedupe, policies) it yields itself: `add` takes its `samples`. Nothing
is pushed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from gateway.execute.prepared import Prepared
from gateway.observe.usage import FieldUsage
from gateway.response.record import GRAVITY, OperationRecord
from gateway.telemetry import catalogue as names
from gateway.telemetry.metrics import COSTS, Counter, Family, Histogram, Registry, Sample
from gateway.telemetry.process import LoopLag, process_samples
from gateway.telemetry.settings import MetricsSettings, UsageSettings
from gateway.telemetry.trace import Trace

MAX_CODES = 100
# A histogram is twenty lines of the page.
MAX_STEPS = 500


class Operations:
    """Queries and mutations by name: how long they take and what goes wrong.

    Args:
        settings: How many names are told apart.
    """

    def __init__(self, settings: MetricsSettings) -> None:
        bound = {"graphql_operation_name": settings.max_operations}
        self._durations = Family(names.OPERATION_DURATION, Histogram, bound)
        # Resolvers and connectors may give an error any code.
        self._errors = Family(names.OPERATION_ERRORS, Counter, {**bound, "error_type": MAX_CODES})
        self._estimated = Family(names.OPERATION_COST_ESTIMATED, partial(Histogram, COSTS), bound)
        self._actual = Family(names.OPERATION_COST_ACTUAL, partial(Histogram, COSTS), bound)
        self._over_cost = Family(names.OPERATION_COST_EXCEEDED, Counter)
        # Those of a name, by its durations: as bounded as these are.
        self._costs: dict[Histogram, tuple[Histogram, Histogram]] = {}
        # There from the start with 0: an increase from nothing is none to Prometheus.
        self._failed = {fault: Counter() for fault in GRAVITY}

    def durations_of(self, prepared: Prepared) -> Histogram:
        """The durations of the operations that share a name and a type."""
        return self._durations.of(prepared.operation_name or "", prepared.operation_type or "")

    def ended(self, record: OperationRecord, seconds: float) -> None:
        """Note one that has been answered; a refused document has no name and no duration."""
        if record.durations is not None:
            record.durations.observe(seconds)
        if record.cost_estimated is not None:
            self._count_cost(record, record.cost_estimated)
        if record.error_codes:
            for code in dict.fromkeys(record.error_codes):
                self._errors.of(record.operation_name or "", code).value += 1
            self._failed[record.fault or "client"].value += 1

    def _count_cost(self, record: OperationRecord, estimated: float) -> None:
        durations = record.durations
        of_name = self._costs.get(durations) if durations is not None else None
        if of_name is None:
            name = record.operation_name or ""
            of_name = self._estimated.of(name), self._actual.of(name)
            if durations is not None:
                self._costs[durations] = of_name
        of_name[0].observe(estimated)
        if record.cost_actual is not None:
            of_name[1].observe(record.cost_actual)
        for limit in record.over_cost:
            self._over_cost.of(limit).value += 1

    def samples(self) -> Iterator[Sample]:
        """The values now."""
        for family in (self._estimated, self._actual, self._over_cost):
            yield from family.samples()
        yield from self._durations.samples()
        yield from self._durations.read_exemplars()
        yield from self._errors.samples()
        for fault, counter in self._failed.items():
            yield names.OPERATIONS_FAILED, (fault,), counter.sample()


class Steps:
    """The steps of plans, by the field that they are for.

    Args:
        settings: How many fields are told apart.
    """

    def __init__(self, settings: MetricsSettings) -> None:
        bound = {"graphql_field": min(settings.max_fields, MAX_STEPS)}
        self._durations = Family(names.STEP_DURATION, Histogram, bound)
        self._errors = Family(names.STEP_ERRORS, Counter, {**bound, "error_type": MAX_CODES})
        self._by_field: dict[str, Histogram] = {}  # a schema's fields: no client makes more

    def ended(self, trace: Trace) -> None:
        """Note the steps of a request that has been answered."""
        by_field = self._by_field
        for timing in trace.begun:
            if timing.kind != "step":
                continue
            name = timing.name
            known = by_field.get(name)
            if known is None:
                known = by_field[name] = self._durations.of(name)
            known.observe((timing.end_ns - timing.begin_ns) / 1e9)
            if timing.error is not None:
                self._errors.of(timing.name, timing.error).value += 1

    def samples(self) -> Iterator[Sample]:
        """The values now."""
        yield from self._durations.samples()
        yield from self._errors.samples()


class Measures:
    """Everything that is measured of one worker.

    Args:
        settings: What is told apart.
        usage: The same of what clients use.

    Attributes:
        registry: Where all of it is read.
        operations: Told of what was answered.
        steps: Told of its timings.
        usage: Told of what was asked.
        lag: How late the event loop is.
    """

    def __init__(self, settings: MetricsSettings, usage: UsageSettings | None = None) -> None:
        self.registry = Registry()
        self.operations = Operations(settings)
        self.steps = Steps(settings)
        self.usage = FieldUsage(settings, self.operations.durations_of, usage)
        self.lag = LoopLag()
        for owner in (self.operations, self.steps, self.usage, self.lag):
            self.registry.add(owner.samples)
        self.registry.add(process_samples)
