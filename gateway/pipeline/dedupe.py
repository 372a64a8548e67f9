"""Equal operations that are in flight at the same time are executed once, and get the same bytes.

Operations are shared inside one partition (`client/vary.py`): their clients are equal in everything that the
operation's connectors forward and its Python declares to read. The first request starts the execution in a task of its
own, so that no client that leaves ends it for the others; its deadline is the latest of its followers' deadlines.

Never shared are mutations, subscriptions, operations that run on graphql-core, operations that wait for nothing, and
operations with a resolver that does not declare what it reads. Headers that backends or resolvers add to an answer
belong to one client: an answer that has any is given to no other request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import orjson
from msgspec.structs import replace

from gateway.client.vary import NOTHING_SEEN, VARY_NONE, Vary, View, partition
from gateway.codings.encode import Encoded
from gateway.concurrency.awaitable import AwaitableOrValue, is_awaitable, value_of
from gateway.concurrency.singleflight import FollowerTimeoutError, SharedCall
from gateway.context import Context
from gateway.errors import ClientError
from gateway.execute.prepared import Prepared
from gateway.json_bytes import write_json
from gateway.pipeline.settings import DedupeSettings
from gateway.pipeline.shared_plan import SharedPlan, shared_plan
from gateway.response.record import Answer, OperationRecord
from gateway.runtime.request import Variables
from gateway.telemetry.catalogue import OPERATION_DEDUPE
from gateway.telemetry.metrics import Sample

if TYPE_CHECKING:
    from gateway.pipeline.kept_answers import KeptAnswers
    from gateway.pipeline.operation import Operation

Execute = Callable[[OperationRecord, Context], AwaitableOrValue[Answer]]
# An execution that is cut at its deadline answers partial data: its followers are given the time for that.
GRACE_S = 0.25


@dataclass(frozen=True, slots=True)
class ShareKey:
    """With whom an execution may be shared.

    Attributes:
        key: Equal for requests that may share one execution: plan, text, variables, partition.
        view: What the execution sees of the client.
        context: The context of the request that asks.
        plan: What is known of the plan.
    """

    key: tuple[Prepared, str, bytes, Hashable]
    view: View
    context: Context
    plan: SharedPlan


class SharedExecution(SharedCall[Answer]):
    """One execution, in a task of its own: every request that waits for it is a follower.

    Attributes:
        starter: The request that began it.
        context: What the execution sees.
        due: The starter's deadline, at which calls that have begun by then are cut. Calls that begin later may take
            until the latest follower's deadline.
    """

    __slots__ = ("context", "due", "starter", "task")

    def __init__(self, starter: ShareKey) -> None:
        super().__init__()
        self.starter = starter
        self.context = starter.context.seeing(starter.view)
        self.due = self.context.deadline
        self.task: asyncio.Task[None] | None = None


class Sharing:
    """The operations in flight of one revision.

    Args:
        settings: As configured.
        ambient: What runs beside resolvers reads of the client (directives, type resolvers, context
            factories); None when that is not known.
        open_now: What is under way and may be joined: of the worker, for a write by any revision ends it for all.
        unshared_sources: Sources whose calls must not be shared, and why; None is what has no source.

    Attributes:
        ambient: As given.
        answers: What is kept whole; None where no source is cached. Set before the first operation.
        writes: Mutations under way.
        led: Executions that were started to be shared.
        shared: Requests that were answered by an execution that another request had started.
    """

    def __init__(
        self,
        settings: DedupeSettings,
        ambient: Vary | None,
        open_now: dict[Hashable, SharedExecution],
        unshared_sources: Mapping[str | None, str] | None = None,
    ) -> None:
        self._settings = settings
        self.ambient = ambient
        self._ambient = ambient if settings.enabled else None
        self._unshared = frozenset(unshared_sources or ())
        self._open = open_now
        self._plans: WeakKeyDictionary[Any, SharedPlan | None] = WeakKeyDictionary()
        self.answers: KeptAnswers | None = None
        self.writes: set[asyncio.Task[None]] = set()
        self.led = 0
        self.shared = 0

    def succeed(self, before: Sharing) -> None:
        """Count on from where the one before has counted to, with what was counted here beside it."""
        self.led += before.led
        self.shared += before.shared
        if self.answers is not None and before.answers is not None:
            self.answers.hits += before.answers.hits
            self.answers.misses += before.answers.misses

    def samples(self) -> Iterator[Sample]:
        """What was counted, for metrics."""
        yield OPERATION_DEDUPE, ("leader",), self.led
        yield OPERATION_DEDUPE, ("follower",), self.shared
        if self.answers is not None:
            yield from self.answers.samples()

    def key_of(
        self, prepared: Prepared, variables: Variables, text: str, context: Context
    ) -> ShareKey | None:
        """Where this execution may be shared; None where it may not."""
        if self._ambient is None or prepared.operation_type != "query" or prepared.reason:
            return None
        if prepared.operation_name in self._settings.except_operations:
            return None
        if context.connection_params:  # a WebSocket's: nothing declares what it reads of them
            return None
        known: Any = prepared if not prepared.shaping else prepared.bound_plan(variables.coerced)
        if known is None:
            return None
        try:
            plan = self._plans[known]
        except KeyError:
            bound = prepared.bound_plan(variables.coerced)
            plan = shared_plan(bound, self._ambient, self._unshared) if bound is not None else None
            self._plans[known] = plan
        if plan is None or not plan.vary.may_share(context.client):
            return None
        vary = plan.vary
        view = vary.view(context.client) if vary is not VARY_NONE else NOTHING_SEEN
        asked = write_json(variables.raw, repr, orjson.OPT_SORT_KEYS) if variables.raw else b""
        return ShareKey((prepared, text, asked, partition(view)), view, context, plan)

    def answer(
        self, mine: ShareKey, operation: Operation, execute: Execute
    ) -> AwaitableOrValue[Answer]:
        """The whole answer that is kept for an operation, at once; or that of an execution, which equal ones share.

        Args: as of `share`, and the operation that is answered.
        """
        answers = self.answers
        if answers is not None and answers.may_keep(mine):
            kept = answers.lookup(mine, operation)
            if kept is not None:
                return kept
            execute = answers.keeping(mine, execute)
        return self.share(mine, execute, operation.record)

    async def share(self, mine: ShareKey, execute: Execute, record: OperationRecord) -> Answer:
        """The answer of the execution under a key; starts one where there is none.

        Args:
            mine: Says with whom this request may share.
            execute: Makes the answer, for a record and a context of its own.
            record: This request's: gets the errors, and belongs to its answer.

        Errors: ClientError(GATEWAY_TIMEOUT) at the follower's own deadline.
        """
        while True:
            shared = self._lead_or_follow(mine, execute)
            answer = await self._outcome(shared, mine)
            codes = answer.record.error_codes
            if "GATEWAY_TIMEOUT" in codes and shared.due <= loop_time() < mine.context.deadline:
                continue  # it was cut at another's deadline: this one's is still to come
            if answer.headers is not None and shared.starter is not mine:
                context = mine.context.seeing(mine.view)
                answer = await value_of(execute(OperationRecord(), context))
            record.error_codes += codes
            record.blame(answer.record.fault)
            record.exposed, record.tracked = answer.record.exposed, answer.record.tracked
            record.error_ids += answer.record.error_ids
            return replace(answer, record=record)

    def _lead_or_follow(self, mine: ShareKey, execute: Execute) -> SharedExecution:
        """The execution under a key, started where there is none."""
        shared = self._open.get(mine.key)
        if shared is None:
            self.led += 1
            shared = self._open[mine.key] = SharedExecution(mine)
            shared.task = asyncio.create_task(self._execute(mine.key, shared, execute))
        else:
            self.shared += 1
            shared.context.deadline = max(shared.context.deadline, mine.context.deadline)
        return shared

    async def _outcome(self, shared: SharedExecution, mine: ShareKey) -> Answer:
        """Errors: those of the execution; ClientError(GATEWAY_TIMEOUT) at the follower's own deadline."""
        follower = shared.join(mine.context.deadline + GRACE_S)
        try:
            return await follower
        except FollowerTimeoutError:
            raise timed_out() from None
        finally:
            shared.leave(follower)
            if not shared.followers and shared.task is not None and not shared.task.done():
                self._close_one(mine.key, shared)
                shared.task.cancel()  # nobody is left who would read it

    async def _execute(self, key: Hashable, shared: SharedExecution, execute: Execute) -> None:
        try:
            answer = execute(OperationRecord(), shared.context)
            if not isinstance(answer, Answer):
                answer = await answer
            answer.encoded = Encoded(answer.body)
        except asyncio.CancelledError:
            for follower in shared.followers:
                follower.cancel()
            raise
        except Exception as error:
            shared.fail(error)
        else:
            shared.finish(answer)
        finally:
            self._close_one(key, shared)

    async def write(
        self, context: Context, execute: Callable[[], AwaitableOrValue[Answer]]
    ) -> Answer:
        """The answer of a mutation. Once begun it runs to its end, whether or not its client waits for it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        task = loop.create_task(self._write(context, execute, answer))
        self.writes.add(task)
        task.add_done_callback(self.writes.discard)
        return await answer

    async def drain(self, timeout_s: float) -> None:
        """Wait for mutations whose clients have gone, too."""
        if self.writes:
            await asyncio.wait(self.writes, timeout=timeout_s)

    async def _write(
        self,
        context: Context,
        execute: Callable[[], AwaitableOrValue[Answer]],
        answer: asyncio.Future[Answer],
    ) -> None:
        """Execute in a task that no client ends; `answer` is whoever waits for it, and may have gone."""
        try:
            with context.upstream.reads.writing:
                made = execute()
                if is_awaitable(made):
                    made = await made
        except asyncio.CancelledError:
            answer.cancel()
            raise
        except Exception as error:
            if not answer.done():
                answer.set_exception(error)
        else:
            if not answer.done():
                answer.set_result(made)

    def _close_one(self, key: Hashable, shared: SharedExecution) -> None:
        if self._open.get(key) is shared:
            del self._open[key]


def loop_time() -> float:
    """The event loop's clock."""
    return asyncio.get_running_loop().time()


def timed_out() -> ClientError:
    """What a request gets whose own time is up."""
    return ClientError(
        "The operation did not end in time.", code="GATEWAY_TIMEOUT", http_status=504
    )
