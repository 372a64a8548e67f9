"""Equal operations in flight are one execution and its bytes, for clients that nothing in it can tell apart.

An operation is shared inside an identity partition (`vary.py`): equal values of everything that its
connectors forward and its Python declares to read. Whoever comes first starts a flight, a task of its own
that no waiter's end takes with it; it may take as long as the latest waiter may. Never shared are mutations,
subscriptions, what falls back, what loads nothing, and operations with a resolver that does not declare. Headers that
backends or resolvers add to an answer are one client's: an answer that has any is given to no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from gateway.codings.encode import Encoded
from gateway.concurrency.awaitable import AwaitableOrValue, value_of
from gateway.context import Context
from gateway.errors import ClientError
from gateway.execute.prepare import Prepared
from gateway.graph.resolvers import identity_of
from gateway.json_bytes import write_json
from gateway.plan.nodes import Kind
from gateway.response.answer import Answer, OperationRecord
from gateway.runtime.bound import Bound
from gateway.runtime.state import Variables
from gateway.telemetry.catalogue import OPERATIONS_LED, OPERATIONS_SHARED
from gateway.telemetry.metrics import Sample
from gateway.vary import NOBODY, NOTHING_SEEN, Identity, View, joined, partition

Execute = Callable[[OperationRecord, Context], AwaitableOrValue[Answer]]
LOADS = frozenset({Kind.BATCH, Kind.ENTITY, Kind.ASYNC})
# A flight that is cut at its deadline answers partial data: its waiters are given the time for that.
GRACE_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupeSettings:
    """`[traffic_shaping.router.dedupe]`: equal operations in flight at the same time.

    Attributes:
        enabled: Whether equal operations in flight share one execution.
        except_operations: Names of operations that are never shared.
    """

    enabled: bool = True
    except_operations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """Where an execution may be shared.

    Attributes:
        key: Equal for those that may be one.
        view: What it sees of the client.
        context: Of the request that asks.
    """

    key: Hashable
    view: View
    context: Context


class SharedExecution:
    """One execution and those who wait for it.

    Attributes:
        starter: Whose request began it.
        waiting: Who waits, each until its own time.
        due: The deadline of who started it. Calls that are under way are cut then; those that begin
            later have the time of the latest waiter.
    """

    __slots__ = ("_loop", "_timer", "context", "due", "starter", "task", "waiting")

    def __init__(self, starter: SharedPlace, loop: asyncio.AbstractEventLoop) -> None:
        self.starter = starter
        self.context = starter.context.seeing(starter.view)
        self.due = self.context.deadline
        self.task: asyncio.Task[None] | None = None
        self.waiting: dict[asyncio.Future[Answer], float] = {}
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def join(self, until: float) -> asyncio.Future[Answer]:
        """Wait for it, until a time on the loop's clock. One timer serves all who wait."""
        waiter: asyncio.Future[Answer] = self._loop.create_future()
        self.waiting[waiter] = until
        if self._timer is None or until < self._timer.when():
            self._watch(until)
        return waiter

    def leave(self, waiter: asyncio.Future[Answer]) -> None:
        """Wait no longer."""
        self.waiting.pop(waiter, None)
        if not self.waiting and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self, until: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(until, self._look)

    def _look(self) -> None:
        """Time out those whose time is up."""
        self._timer = None
        now = self._loop.time()
        for waiter, until in list(self.waiting.items()):
            if until <= now and not waiter.done():
                waiter.set_exception(late())
        left = [until for waiter, until in self.waiting.items() if not waiter.done()]
        if left:
            self._watch(min(left))


class Sharing:
    """The operations in flight of one worker.

    Args:
        settings: As configured.
        ambient: What runs beside resolvers reads of the client (directives, type resolvers, context
            factories); None when that is not known.
        unshared_sources: Sources whose calls must not be shared, and why; None is what has no source.

    Attributes:
        writes: Mutations under way.
        led, shared: Executions that were started to be shared, and answers that others' gave.
    """

    def __init__(
        self,
        settings: DedupeSettings,
        ambient: Identity | None,
        unshared_sources: Mapping[str | None, str] | None = None,
    ) -> None:
        self._settings = settings
        self._ambient = ambient if settings.enabled else None
        self._unshared = frozenset(unshared_sources or ())
        self._flights: dict[Hashable, SharedExecution] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._identities: WeakKeyDictionary[Any, Identity | None] = WeakKeyDictionary()
        self.writes: set[asyncio.Task[Answer]] = set()
        self.led = 0
        self.shared = 0

    def samples(self) -> Iterator[Sample]:
        """What was counted, for metrics."""
        yield OPERATIONS_LED, (), self.led
        yield OPERATIONS_SHARED, (), self.shared

    def place(
        self, prepared: Prepared, variables: Variables, text: str, context: Context
    ) -> SharedPlace | None:
        """Where this execution may be shared; None where it may not."""
        if self._ambient is None or prepared.operation_type != "query" or prepared.reason:
            return None
        if prepared.operation_name in self._settings.except_operations:
            return None
        if context.connection_params:  # a WebSocket's: nothing declares what it reads of them
            return None
        known: Any = prepared if not prepared.shaping else prepared.code(variables.coerced).bound
        try:
            identity = self._identities[known]
        except KeyError:
            identity = self._identity(prepared.code(variables.coerced).bound)
            self._identities[known] = identity
        if identity is None:
            return None
        view = identity.view(context.client) if identity is not NOBODY else NOTHING_SEEN
        asked = write_json(variables.raw, repr, orjson.OPT_SORT_KEYS) if variables.raw else b""
        return SharedPlace((prepared, text, asked, partition(view)), view, context)

    def _identity(self, bound: Bound) -> Identity | None:
        """What counts of the clients of a plan that is worth sharing; None for any other.

        It is when it waits for something, and for no source whose calls are not shared.
        """
        sources = sources_of(bound)
        if sources is None or sources & self._unshared:
            return None
        return joined((bound.identity, self._ambient))

    async def fly(self, place: SharedPlace, execute: Execute, record: OperationRecord) -> Answer:
        """The answer of the flight at a place; starts one where there is none.

        Args:
            place: Where.
            execute: Makes the answer, for a record and a context of its own.
            record: This request's: gets the errors, and belongs to its answer.

        Errors: ClientError(GATEWAY_TIMEOUT) at the waiter's own deadline.
        """
        loop = self._loop
        if loop is None or loop.is_closed():
            loop = self._loop = asyncio.get_running_loop()
        while True:
            flight = self._board(place, execute, loop)
            answer = await self._wait(flight, place)
            codes = answer.record.error_codes
            if "GATEWAY_TIMEOUT" in codes and flight.due <= loop.time() < place.context.deadline:
                continue  # it was cut at another's deadline: this one's is still to come
            if answer.headers is not None and flight.starter is not place:
                context = place.context.seeing(place.view)
                answer = await value_of(execute(OperationRecord(), context))
            record.error_codes += codes
            record.blame(answer.record.fault)
            record.error_ids += answer.record.error_ids
            return replace(answer, record=record)

    def _board(
        self, place: SharedPlace, execute: Execute, loop: asyncio.AbstractEventLoop
    ) -> SharedExecution:
        """The flight at a place, started where there is none."""
        flight = self._flights.get(place.key)
        if flight is None:
            self.led += 1
            flight = self._flights[place.key] = SharedExecution(place, loop)
            run = self._run(place.key, flight, execute)
            flight.task = loop.create_task(run)
        else:
            self.shared += 1
            flight.context.deadline = max(flight.context.deadline, place.context.deadline)
        return flight

    async def _wait(self, flight: SharedExecution, place: SharedPlace) -> Answer:
        """Errors: those of the flight; ClientError(GATEWAY_TIMEOUT) at the waiter's own deadline."""
        waiter = flight.join(place.context.deadline + GRACE_S)
        try:
            return await waiter
        finally:
            flight.leave(waiter)
            if not flight.waiting and flight.task is not None and not flight.task.done():
                self._land(place.key, flight)
                flight.task.cancel()  # nobody is left who would read it

    async def _run(self, key: Hashable, flight: SharedExecution, execute: Execute) -> None:
        try:
            answer = execute(OperationRecord(), flight.context)
            if not isinstance(answer, Answer):
                answer = await answer
            answer.encoded = Encoded(answer.body)
        except asyncio.CancelledError:
            for waiter in flight.waiting:
                waiter.cancel()
            raise
        except Exception as error:
            for waiter in flight.waiting:
                if not waiter.done():
                    waiter.set_exception(error)
        else:
            for waiter in flight.waiting:
                if not waiter.done():
                    waiter.set_result(answer)
        finally:
            self._land(key, flight)

    async def write(
        self, context: Context, execute: Callable[[], AwaitableOrValue[Answer]]
    ) -> Answer:
        """The answer of a mutation. Once begun it runs to its end, whether or not its client waits for it."""
        task = asyncio.create_task(self._write(context, execute))
        self.writes.add(task)
        task.add_done_callback(self.writes.discard)
        return await asyncio.shield(task)

    async def drain(self, timeout_s: float) -> None:
        """Wait for mutations whose clients have gone, too."""
        if self.writes:
            await asyncio.wait(self.writes, timeout=timeout_s)

    async def _write(
        self, context: Context, execute: Callable[[], AwaitableOrValue[Answer]]
    ) -> Answer:
        with self.writing(context):
            return await value_of(execute())

    @contextmanager
    def writing(self, context: Context) -> Iterator[None]:
        """Around a mutation: nobody joins what was read before it began, or before it ended."""
        self._close(context)
        try:
            yield
        finally:
            self._close(context)

    def _close(self, context: Context) -> None:
        self._flights.clear()
        context.upstream.close_flights()

    def _land(self, key: Hashable, flight: SharedExecution) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


def sources_of(bound: Bound) -> set[str | None] | None:
    """The sources that a plan's loaders call; None for a plan that waits for nothing."""
    loads = [field for field in bound.fields.values() if field.plan.kind in LOADS]
    return {field.loader.source for field in loads if field.loader is not None} if loads else None


def explain_sharing(
    prepared: Prepared,
    variables: Variables,
    settings: DedupeSettings,
    undeclared: Collection[str],
    ambient: Identity | None,
    unshared_sources: Mapping[str | None, str] | None = None,
    places: Mapping[str, str] | None = None,
) -> str:
    """Whether equal operations in flight are one, in a line for people: by what, or why not.

    Args:
        prepared, variables: The operation.
        settings, ambient, unshared_sources: As of `Sharing`.
        undeclared: What runs beside resolvers and declares nothing, each with its place.
        places: By coordinate, where the function of a field stands.
    """
    if prepared.operation_type != "query" or prepared.reason:
        return f"not shared: {prepared.reason or f'it is a {prepared.operation_type}'}"
    bound = prepared.code(variables.coerced).bound
    sources = sources_of(bound)
    problem = ""
    if not settings.enabled or prepared.operation_name in settings.except_operations:
        problem = "traffic_shaping.router.dedupe says so"
    elif sources is None:
        problem = "it waits for nothing"
    elif off := sorted({why for name, why in (unshared_sources or {}).items() if name in sources}):
        problem = off[0]
    known = places or {}
    own = [
        f"{field.coordinate} ({known[field.coordinate]})"
        if field.coordinate in known
        else field.coordinate
        for field in bound.fields.values()
        if field.plan.kind not in (Kind.TYPENAME, Kind.INTROSPECTION)
        and not field.plan.denied
        and identity_of(field.definition.resolve) is None
    ]
    if not problem and (own or undeclared):
        problem = f"{', '.join([*dict.fromkeys(own), *undeclared])} may read anything of a client: declare reads="
    whole = joined((bound.identity, ambient))
    if problem or whole is None:
        return f"not shared: {problem}"
    read = whole.names()
    return f"shared by clients with equal {', '.join(read)}" if read else "shared by all clients"


def late() -> ClientError:
    """What a request gets whose own time is up."""
    return ClientError(
        "The operation did not end in time.", code="GATEWAY_TIMEOUT", http_status=504
    )
