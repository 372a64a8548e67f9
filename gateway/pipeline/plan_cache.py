"""Plans by the text of their documents, so that a request reaches its plan without parsing.

    text, operation name, view ── texts ──► plan                        exact: the very text is known
                         └─ key, pattern ── shapes ── pinned ──► plan    normalized: it differs in literals
                                            └─ compile            miss

One cache belongs to one schema: another schema is another cache, so that no plan can be found under a
schema that it was not made for. A document that is valid in a view has the plan of the whole schema there,
kept once under both keys, unless the view changes what it answers. Values of shaping variables are told apart
inside a plan (`Prepared`). Compiling is synchronous: nothing else runs meanwhile on the worker's loop, so
equal misses that wait for it find the first one's plan. Generic over what is kept: it knows when to compile
and what to forget, and nothing of plans.

Bounded three times: plans by entries and estimated bytes, texts that lead to them, and refusals, which
have a store of their own so that they cannot evict plans.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic

from gateway.errors import ClientError, RequestError
from gateway.language.normalize import DocumentLiterals, Normalized, normalize
from gateway.language.slots import Slots
from gateway.pipeline.found_plan import CacheCounters, FoundPlan, Key, MadePlan, T
from gateway.pipeline.kept_plan import KeptPlan, PlanShape
from gateway.pipeline.plan_budget import PlanBudget
from gateway.pipeline.refusals import copied, is_kept
from gateway.pipeline.settings import PlanCacheSettings
from gateway.pipeline.young_plans import YoungPlans
from gateway.telemetry import catalogue as names
from gateway.telemetry.metrics import Sample

# What the cache itself takes for a plan.
BYTES_PER_ENTRY = 2_000
# Texts beyond these are found by their normalized form each time: kept ones are not counted in bytes.
MAX_SHARED_LENGTH = 4_000
MAX_SHARED_LITERALS = 64


Compile = Callable[[Key, Normalized | None], MadePlan[T]]


def _nothing(*_: object) -> MadePlan[T]:
    raise AssertionError("nobody serves by this cache any more")


def _no_size(_value: object) -> int:
    return 0


class PlanCache(Generic[T]):
    """Finds or makes the plan of a document.

    Args:
        settings: Bounds.
        compile_text: Makes the value of a key. The second argument is what
            `find_slots` needs to tell which literals may vary; None when none may. Raises
            RequestError or ClientError for a document that is refused.
        size_of: The memory of a value, bytes.
        budget: Bounds the CPU time of new plans; without one, there is no bound.
        max_text_length: Longer texts go to the compiler, which refuses them, and are never kept.
        clock: Seconds, for `counters.compile_s`.
    """

    def __init__(
        self,
        settings: PlanCacheSettings,
        compile_text: Compile[T],
        *,
        size_of: Callable[[T], int] = _no_size,
        budget: PlanBudget | None = None,
        max_text_length: int = 32_000,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.counters = CacheCounters()
        self.size_bytes = 0
        self._settings = settings
        self._compile = compile_text
        self._size_of = size_of
        self._budget = budget if budget is not None else PlanBudget(0)
        self._max_text_length = max_text_length
        self._clock = clock
        self._young = YoungPlans()
        self._plans: OrderedDict[KeptPlan[T], None] = OrderedDict()
        self._by_value: dict[int, KeptPlan[T]] = {}
        self._texts: OrderedDict[
            tuple[str, str | None, str | None], tuple[KeptPlan[T], FoundPlan[T]]
        ] = OrderedDict()
        self._shapes: dict[Hashable, PlanShape[T]] = {}
        self._rejected: OrderedDict[Key, ClientError | RequestError] = OrderedDict()

    def __len__(self) -> int:
        return len(self._plans)

    def samples(self) -> Iterator[Sample]:
        """What was counted, for metrics."""
        counters = self.counters
        yield names.PLAN_LOOKUPS, ("hit",), counters.exact
        yield names.PLAN_LOOKUPS, ("hit_normalized",), counters.normalized
        yield names.PLAN_LOOKUPS, ("miss",), counters.misses
        yield names.PLAN_LOOKUPS, ("rejected",), counters.rejected
        yield names.PLAN_EVICTIONS, (), counters.evictions
        yield names.PLAN_COMPILE, (), counters.compile_s
        yield names.PLAN_ENTRIES, (), len(self)
        yield names.PLAN_BYTES, (), self.size_bytes

    def lookup(
        self,
        text: str,
        operation_name: str | None,
        client_key: str | None = None,
        view: str | None = None,
    ) -> FoundPlan[T]:
        """The plan of a document.

        Args:
            text: The document.
            operation_name: As sent.
            client_key: The client that is charged for making it; None where the gateway makes it for itself.
            view: The name of the client's view.

        Errors: RequestError and ClientError, from the store of refusals or fresh.
        """
        known = self.known(text, operation_name, view)
        if operation_name is not None:
            operation_name = operation_name[: len(text)]  # what is longer is no name in the text
        return known or self._look_up(Key(text, operation_name, view), client_key)

    def let_all_go(self) -> Iterator[None]:
        """Forget all plans, one after the other, and who makes them; that is no eviction, and the end."""
        self.counters = CacheCounters()
        self._compile = _nothing  # whoever makes plans may hold the cache
        while self._plans:
            oldest, _ = self._plans.popitem(last=False)
            self._let_go(oldest)
            del oldest
            yield

    def recent(self, most: int) -> dict[Key, T]:
        """The plans that were used last, the latest first, each by a key that leads to it."""
        found: dict[Key, T] = {}
        for plan in reversed(self._plans):
            if len(found) >= most:
                break
            if plan.texts:
                found[next(iter(plan.texts))] = plan.value
        return found

    @contextmanager
    def growing(
        self, value: T, client_key: str | None, *, is_admitted: bool = False
    ) -> Iterator[None]:
        """Make something more for a value that is kept: admitted, charged and counted as a new one.

        Args:
            value: For which.
            client_key: The client that is charged; None: nobody.
            is_admitted: What is made is a part of what was admitted: it is charged and counted.

        Errors: ClientError(UNCACHED_DOCUMENTS_LIMIT).
        """
        with self._budget.spend(client_key, is_admitted=is_admitted):
            yield
        plan = self._by_value.get(id(value))
        if plan is not None:
            self.size_bytes -= plan.size
            plan.size = BYTES_PER_ENTRY + self._size_of(value)
            self.size_bytes += plan.size
            self._plans.move_to_end(plan)
            self._evict()

    def known(
        self, text: str, operation_name: str | None, view: str | None = None
    ) -> FoundPlan[T] | None:
        """The plan of a text that came before; None for any other."""
        key = (text, operation_name, view)
        known = self._texts.get(key)
        if known is None:
            return None
        plan, found = known
        self._texts.move_to_end(key)
        self._plans.move_to_end(plan)
        self.counters.exact += 1
        return found

    def _look_up(self, key: Key, client_key: str | None) -> FoundPlan[T]:
        text = key.text
        if len(text) > self._max_text_length:
            return self._make(key, None, client_key)
        if key in self._rejected:
            self._rejected.move_to_end(key)
            self.counters.rejected += 1
            raise copied(self._rejected[key])
        normalized = normalize(text)
        if normalized is not None:
            shape = self._shapes.get((normalized.key, normalized.pattern, *key[1:]))
            same = shape.lookup(normalized.raws) if shape is not None else None
            if same is not None:
                return self._share(key, same, normalized)
        return self._make(key, normalized, client_key)

    def _share(self, key: Key, plan: KeptPlan[T], normalized: Normalized) -> FoundPlan[T]:
        """A plan that was made from a text with other literals."""
        self.counters.normalized += 1
        self._plans.move_to_end(plan)
        literals = DocumentLiterals(key[0], normalized.raws)
        if len(key[0]) <= MAX_SHARED_LENGTH and len(normalized.raws) <= MAX_SHARED_LITERALS:
            self._remember_text(key, plan, FoundPlan(plan.value, "hit", literals))
        return FoundPlan(plan.value, "hit_normalized", literals)

    def _make(
        self, key: Key, normalized: Normalized | None, client_key: str | None
    ) -> FoundPlan[T]:
        self.counters.misses += 1
        with self._budget.spend(client_key):
            made = self._compiled(key, normalized)
        known = self._by_value.get(id(made.value))
        plan = known or KeptPlan(made.value, BYTES_PER_ENTRY + self._size_of(made.value))
        slots = made.slots
        if known is not None and known.shapes:
            slots = known.shapes[0][0].slots
        if normalized is not None and slots is not None:
            self._remember_shape(key, plan, slots, normalized)
        if known is None:
            self._keep(plan)
        self._remember_text(key, plan, FoundPlan(made.value, "hit", made.literals))
        return FoundPlan(made.value, "miss", made.literals)

    def _remember_shape(
        self, key: Key, plan: KeptPlan[T], slots: Slots, normalized: Normalized
    ) -> None:
        """Let texts with other literals lead to a plan."""
        shape_key = (normalized.key, normalized.pattern, *key[1:])
        shape = self._shapes.get(shape_key)
        if shape is None:
            shape = self._shapes[shape_key] = PlanShape(shape_key, slots)
        pins = shape.slots.pins(normalized.raws)
        # A doubtful value that turned out to be valid meets a plan that is there already.
        if pins not in shape.plans:
            shape.plans[pins] = plan
            plan.shapes.append((shape, pins))

    def _compiled(self, key: Key, normalized: Normalized | None) -> MadePlan[T]:
        start = self._clock()
        try:
            return self._compile(key, normalized)
        except (ClientError, RequestError) as error:
            if len(key[0]) <= self._max_text_length and is_kept(error):
                self._refuse(key, copied(error))
            raise
        finally:
            self.counters.compile_s += self._clock() - start

    def _keep(self, plan: KeptPlan[T]) -> None:
        self._plans[plan] = None
        self._by_value[id(plan.value)] = plan
        self.size_bytes += plan.size
        self._evict()

    def _evict(self) -> None:
        most = self._settings
        while len(self._plans) > 1 and (
            len(self._plans) > most.max_entries or self.size_bytes > most.max_size_bytes
        ):
            oldest, _ = self._plans.popitem(last=False)
            self._let_go(oldest)
            self._young.note_evicted()

    def _let_go(self, plan: KeptPlan[T]) -> None:
        """Drop every reference to a plan: what it registered elsewhere goes with it."""
        self.counters.evictions += 1
        self.size_bytes -= plan.size
        del self._by_value[id(plan.value)]
        for key in plan.texts:
            del self._texts[key]
        for shape, pins in plan.shapes:
            del shape.plans[pins]
            if not shape.plans:
                self._shapes.pop(shape.key, None)

    def _remember_text(self, key: Key, plan: KeptPlan[T], found: FoundPlan[T]) -> None:
        self._texts[key] = (plan, found)
        plan.texts.add(key)
        if len(self._texts) > self._settings.max_texts:
            oldest, (owner, _) = self._texts.popitem(last=False)
            owner.texts.discard(oldest)

    def _refuse(self, key: Key, error: ClientError | RequestError) -> None:
        self._rejected[key] = error
        if len(self._rejected) > self._settings.max_rejected:
            self._rejected.popitem(last=False)
