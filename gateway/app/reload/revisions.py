"""The revisions of one worker: the one that is served, one that is prepared beside it, those that are drained.

A revision is built in a thread, so that the event loop goes on; what is left for the loop is the swap.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from weakref import ref

from gateway.app.build import Graph, build_graph_of
from gateway.app.config import Config
from gateway.app.hooks import Hooks
from gateway.app.mistakes import error_lines
from gateway.app.override_labels import make_testers
from gateway.app.reload.dismantle import dismantle
from gateway.app.reload.effects import with_hot_changes
from gateway.app.reload.inputs import Inputs, Origin
from gateway.app.revision import Revision
from gateway.app.services import endpoint_settings
from gateway.app.worker import Worker
from gateway.concurrency.frame_stack import with_room
from gateway.errors import ConfigError
from gateway.execute.prepared import Prepared
from gateway.pipeline.explain import Explain
from gateway.pipeline.found_plan import Key

T = TypeVar("T")
logger = logging.getLogger("gateway.reload")
SWITCH_INTERVAL_S = 0.00005
"""While a thread builds, the event loop waits so long for the interpreter; Python's own is a hundred times that."""
YOUNG_OBJECTS = 1_000
"""While a thread builds, young objects are looked at by so many, half a millisecond each time: not all at once."""
NEVER = 2**31 - 1
LOOK_EVERY_S = 0.1
DRAIN_GRACE_S = 5.0
COLLECT_EVERY = 50
"""Reloads after which Python's collector looks for the little that is left of old revisions."""


class RefusedError(Exception):
    """A configuration or schema that cannot be served.

    Attributes:
        lines: What is wrong, each with its file and line.
    """

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Served:
    """A revision, and what it was made of."""

    inputs: Inputs
    digest: str
    config: Config
    graph: Graph
    revision: Revision


@dataclass(frozen=True, slots=True)
class PreparedRevision:
    """A revision that can be served.

    Attributes:
        plans: How many are warm.
        took_s: What it took to build.
    """

    served: Served
    plans: int
    took_s: float


class Revisions:
    """What one worker serves, will serve and has served.

    Args:
        worker: Its sockets, pools and telemetry.
        hooks: The user's Python.
        origin: Where the files are.
        env: `$env`, and what the configuration names.
        served: What is served now.
        on_swap: Told what is served from now on.
        mock: Whether every value is made up.

    Attributes:
        served: What is served now.
        prepared: What can take its place.
        draining: Revisions that still have something under way.
        number: How many have been served.
    """

    def __init__(
        self,
        worker: Worker,
        hooks: Hooks,
        origin: Origin,
        env: Mapping[str, str],
        served: Served,
        on_swap: Callable[[Config, Graph, str], None],
        *,
        mock: bool = False,
    ) -> None:
        self._worker = worker
        self._hooks = hooks
        self._origin = origin
        self._env = env
        self._on_swap = on_swap
        self._mock = mock
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.served = served
        self.prepared: PreparedRevision | None = None
        self.draining: list[ref[Revision]] = []
        self._before: Revision | None = None
        self._dismantled = 0
        self.number = 1

    async def prepare(self, inputs: Inputs) -> PreparedRevision:
        """Build and warm what the inputs say, beside what is served. Errors: RefusedError; nothing has changed then."""
        async with self._turn:
            await self._abandon()
            begin = time.perf_counter()
            try:
                with in_the_background():
                    served = await self._in_thread(partial(self._built, inputs))
                    plans = await self._warmed(served.revision)
            except ConfigError as exc:
                raise RefusedError(error_lines(exc, self._origin.config)) from exc
            self.prepared = PreparedRevision(served, plans, time.perf_counter() - begin)
            return self.prepared

    def config_of(self, inputs: Inputs) -> Config:
        """The configuration in them. Errors: ConfigError."""
        return self._origin.parse(inputs.config, self._env)

    def _built(self, inputs: Inputs) -> Served:
        """Errors: ConfigError, RefusedError."""
        origin, env = self._origin, self._env
        config = with_hot_changes(self.served.config, self.config_of(inputs))
        graph = build_graph_of(
            inputs.schema, config, origin.base, env, is_served=True, mock=self._mock
        )
        if graph.errors:
            raise RefusedError([finding.render() for finding in graph.errors])
        explain = Explain(config.explain, env)
        testers = make_testers(config, graph.schema, env)
        revision = Revision(
            graph, config, origin.base, explain, testers, self._worker, self._hooks, inputs.digest
        )
        return Served(inputs, inputs.digest, config, graph, revision)

    async def _warmed(self, revision: Revision) -> int:
        """Open its sources and make its plans. Errors: ConfigError."""
        try:
            await revision.connect()
            most = self.served.config.reload.warm_plans
            plans = self.served.revision.plans_in_use(most)
            return await self._in_thread(partial(_warm, revision, self.served.revision, plans))
        except BaseException:
            await Remains(revision).close(self.served.revision)
            raise

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.to_thread(with_room, function)

    def swap(self) -> float:
        """Serve what is prepared from now on. Gives the seconds in which nothing else could be done."""
        assert self.prepared is not None
        begin = time.perf_counter()
        before, after = self.served, self.prepared.served
        after.revision.succeed(before.revision)
        self._worker.upstream = after.revision.upstream
        self._worker.handler.configure(endpoint_settings(after.config))
        self._worker.serve(after.revision)
        self._on_swap(after.config, after.graph, after.digest)
        self.served, self.prepared = after, None
        self.number += 1
        self._before = before.revision
        gone = ref(before.revision)
        self.draining.append(gone)
        task = asyncio.create_task(self._drain(gone, Remains(before.revision), after.revision))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return time.perf_counter() - begin

    async def move_subscriptions(self) -> tuple[int, int]:
        """Let the subscriptions of the old revision go on by the new one: how many do, and how many end."""
        before, self._before = self._before, None
        if before is None:
            return 0, 0
        after = self.served.revision
        spread_s = self.served.config.reload.end_spread_s
        found = await after.subscriptions.take_over(before.subscriptions, after, spread_s)
        return found.moved, len(found.timers)

    async def abandon(self) -> None:
        """Do not serve what is prepared."""
        async with self._turn:
            await self._abandon()

    async def _abandon(self) -> None:
        if self.prepared is not None:
            revision, self.prepared = self.prepared.served.revision, None
            await Remains(revision).close(self.served.revision)

    async def aclose(self) -> None:
        """Drain no more: the worker ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.abandon()

    async def _drain(self, old: ref[Revision], remains: Remains, after: Revision) -> None:
        """Wait until nothing holds the old one, and let go of what it was made of."""
        loop = asyncio.get_running_loop()
        spread_s = self.served.config.reload.end_spread_s
        latest = loop.time() + max(remains.timeout_s, spread_s) + DRAIN_GRACE_S
        while old() is not None and loop.time() < latest:  # noqa: ASYNC110 - nothing tells of its end
            await asyncio.sleep(LOOK_EVERY_S)
        await remains.close(after)
        if self._worker.measures is not None:
            self._worker.measures.usage.fold()  # it holds plans until it is read
        self.draining.remove(old)
        if old() is None:
            await dismantle(remains.schema, remains.plans)
        self._dismantled += 1
        if self._dismantled % COLLECT_EVERY == 0:
            gc.collect()


def _warm(revision: Revision, before: Revision, plans: Mapping[Key, Prepared]) -> int:
    revision.carry(before, plans)
    return revision.warm(plans)


class Remains:
    """What a revision was made of, without the revision: that goes with the last request that it answers."""

    def __init__(self, revision: Revision) -> None:
        assert revision.graph.schema is not None
        self.schema = revision.graph.schema
        self.plans = revision.plans
        self.timeout_s = revision.timeout_s
        self._upstream = revision.upstream
        self._threads = revision.graph.threads

    async def close(self, used: Revision) -> None:
        """Close what no other revision has."""
        await self._upstream.aclose(used.upstream)
        self._threads.shutdown(wait=False)


@contextmanager
def in_the_background() -> Iterator[None]:
    """While a thread builds: the event loop gets the interpreter often, and no collection of garbage is a long one."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if thresholds[0]:
        gc.set_threshold(YOUNG_OBJECTS, 0, NEVER)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
