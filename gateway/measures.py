"""What the stages of a request add to, and what is read of the services when somebody asks.

Everything that a service counts for itself (plan cache, sharing, policies) is read here and never pushed.
It changes nothing of what it reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sized

from gateway.answer import GRAVITY, OperationRecord
from gateway.connectors.response import decoding
from gateway.connectors.response.outcome import unexpected
from gateway.execute.operation import fallbacks
from gateway.execute.prepare import Prepared
from gateway.plan.cache import PlanCache
from gateway.sharing import Sharing
from gateway.telemetry import catalogue as names
from gateway.telemetry.metrics import Counter, Family, Histogram, Registry, Sample
from gateway.telemetry.process import LoopLag, read_process
from gateway.telemetry.settings import MetricsSettings
from gateway.telemetry.trace import Trace
from gateway.upstream.client import Upstream
from gateway.upstream.policy.counters import Counters
from gateway.upstream.policy.policy import MAX_ENDPOINTS, Policy
from gateway.usage import FieldUsage

MAX_CODES = 100
# A histogram is twenty lines of the page.
MAX_STEPS = 500
STATES = ("closed", "half_open", "open")


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
        # There from the start with 0: an increase from nothing is none to Prometheus.
        self._failed = {fault: Counter() for fault in GRAVITY}

    def durations_of(self, prepared: Prepared) -> Histogram:
        """The durations of the operations that share a name and a type."""
        return self._durations.of(prepared.operation_name or "", prepared.operation_type or "")

    def ended(self, record: OperationRecord, seconds: float) -> None:
        """Note one that has been answered; a refused document has no name and no duration."""
        if record.durations is not None:
            record.durations.observe(seconds)
        if record.error_codes:
            for code in dict.fromkeys(record.error_codes):
                self._errors.of(record.operation_name or "", code).value += 1
            self._failed[record.fault or "client"].value += 1

    def read(self) -> Iterator[Sample]:
        """The values now."""
        yield from self._durations.read()
        yield from self._durations.read_exemplars()
        yield from self._errors.read()
        for fault, counter in self._failed.items():
            yield names.OPERATIONS_FAILED, (fault,), counter.read()


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
        for timing in trace.steps:
            name = timing.name
            known = by_field.get(name)
            if known is None:
                known = by_field[name] = self._durations.of(name)
            known.observe((timing.end_ns - timing.begin_ns) / 1e9)
            if timing.error is not None:
                self._errors.of(timing.name, timing.error).value += 1

    def read(self) -> Iterator[Sample]:
        """The values now."""
        yield from self._durations.read()
        yield from self._errors.read()


def read_plans(plans: PlanCache[Prepared]) -> Iterator[Sample]:
    """The plan cache."""
    counters = plans.counters
    yield names.PLAN_LOOKUPS, ("exact",), counters.exact
    yield names.PLAN_LOOKUPS, ("normalised",), counters.normalised
    yield names.PLAN_LOOKUPS, ("miss",), counters.misses
    yield names.PLAN_LOOKUPS, ("rejected",), counters.rejected
    yield names.PLAN_EVICTIONS, (), counters.evictions
    yield names.PLAN_COMPILE, (), counters.compile_s
    yield names.PLAN_ENTRIES, (), len(plans)
    yield names.PLAN_BYTES, (), plans.size_bytes


def read_execution(sharing: Sharing) -> Iterator[Sample]:
    """Single flight and fallbacks."""
    yield names.OPERATIONS_LED, (), sharing.led
    yield names.OPERATIONS_SHARED, (), sharing.shared
    for reason, count in fallbacks.items():
        yield names.FALLBACKS, (reason,), count
    for labels, count in decoding.fallbacks.items():
        yield names.DECODE_FALLBACKS, labels, count


def read_upstream(upstream: Upstream) -> Iterator[Sample]:
    """The policies of each source."""
    for (decision, source, endpoint), count in upstream.counters.counts.items():
        yield names.UPSTREAM_DECISIONS, (source, endpoint, decision), count
    for labels, count in upstream.counters.cache_lookups.items():
        yield names.CACHE_LOOKUPS, labels, count
    memory = upstream.memory
    yield names.CACHE_BYTES, (), memory.size_bytes
    yield names.CACHE_ENTRIES, (), len(memory)
    yield names.CACHE_EVICTIONS, (), memory.evicted
    for labels, count in unexpected.items():
        yield names.UNEXPECTED_ANSWERS, labels, count
    for source, waited_s in upstream.counters.pool_wait_s.items():
        yield names.UPSTREAM_WAIT, (source,), waited_s
    for policy in upstream.policies:
        places = policy.places
        yield names.UPSTREAM_PLACES, (policy.name, "in_use"), places.in_use
        yield names.UPSTREAM_PLACES, (policy.name, "pending"), places.pending
        yield names.UPSTREAM_PLACES, (policy.name, "limit"), places.limit
        worst = worst_state(policy)
        for state in STATES:
            yield names.BREAKER_STATE, (policy.name, state), float(state == worst)
    if upstream.counters.durations is not None:
        yield from upstream.counters.durations.read()


def worst_state(policy: Policy) -> str:
    """The state of the breaker that lets the least through."""
    states = [endpoint.breaker.state for endpoint in policy.endpoints.values()]
    return max(states, key=STATES.index, default="closed")


class Measures:
    """Everything that is measured of one worker.

    Args:
        settings: What is told apart.

    Attributes:
        registry: Where all of it is read.
        operations: Told of what was answered.
        steps: Told of its timings.
        usage: Told of what was asked.
        counters: Of the upstream policies.
    """

    def __init__(self, settings: MetricsSettings) -> None:
        self.registry = Registry()
        self.operations = Operations(settings)
        self.steps = Steps(settings)
        self.usage = FieldUsage(settings, self.operations.durations_of)
        # Endpoints are templates of the schema; the policies hold that many apart.
        bound = {"gateway_endpoint": MAX_ENDPOINTS}
        self.counters = Counters(Family(names.CLIENT_DURATION, Histogram, bound))
        self.lag = LoopLag()
        for reader in (
            self.operations.read,
            self.steps.read,
            self.usage.read,
            self.lag.read,
            read_process,
        ):
            self.registry.add(reader)

    def watch(
        self, plans: PlanCache[Prepared], sharing: Sharing, upstream: Upstream, subscriptions: Sized
    ) -> None:
        """Read these too, and begin to measure the event loop."""
        self.registry.add(lambda: read_plans(plans))
        self.registry.add(lambda: read_execution(sharing))
        self.registry.add(lambda: read_upstream(upstream))
        self.registry.add(lambda: [(names.SUBSCRIPTIONS, (), len(subscriptions))])
        self.lag.start()
