"""The revisions of one worker: the one that is served, one that is prepared beside it, those that are drained.

A revision is built in a thread, so that the event loop goes on; what is left for the loop is the swap.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gateway.app.build import Graph, build_graph_of
from gateway.app.config import Config
from gateway.app.hooks import Hooks
from gateway.app.mistakes import error_lines
from gateway.app.override_labels import make_testers
from gateway.app.reload.background import Resting, in_the_background
from gateway.app.reload.canary import Canary
from gateway.app.reload.draining import Draining, Remains
from gateway.app.reload.effects import with_hot_changes
from gateway.app.reload.inputs import Inputs, Origin
from gateway.app.revision import Revision
from gateway.app.services import endpoint_settings
from gateway.app.worker import Worker
from gateway.client.targeting import TargetingKeys
from gateway.concurrency.frame_stack import with_room
from gateway.errors import ConfigError
from gateway.execute.prepared import Prepared
from gateway.observe.compared import Outcomes
from gateway.pipeline.explain import Explain
from gateway.pipeline.found_plan import CacheCounters, Key
from gateway.pipeline.warm import log_refused

T = TypeVar("T")
logger = logging.getLogger("gateway.reload")


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
        draining: Those that nothing begins by any more.
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
        self.served = served
        self.prepared: PreparedRevision | None = None
        self.draining = Draining(worker)
        self._before: Revision | None = None
        self._compared = {"canary": Outcomes(), "others": Outcomes()}
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
                    served.revision.plans.counters = CacheCounters()  # warming is no request
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
            await Remains(revision).close(self._worker.upstream)
            raise

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.to_thread(with_room, function)

    def swap(self) -> float:
        """Serve what is prepared from now on. Gives the seconds in which nothing else could be done."""
        assert self.prepared is not None
        begin = time.perf_counter()
        self._end_canary()
        before, after = self.served, self.prepared.served
        after.revision.succeed(before.revision)
        self._worker.upstream = after.revision.upstream
        self._worker.handler.configure(endpoint_settings(after.config))
        self._worker.current.serve(after.revision)
        self._on_swap(after.config, after.graph, after.digest)
        self.served, self.prepared = after, None
        self.number += 1
        self._let_go(before.revision)
        return time.perf_counter() - begin

    def _let_go(self, before: Revision) -> None:
        """No request begins by a revision any more: another has taken its place."""
        self._before = before
        self.draining.begin(before, self.served.config.reload.end_spread_s)

    def begin_canary(self, percent: float) -> None:
        """Serve what is prepared beside what is served, to so many of a hundred clients."""
        assert self.prepared is not None
        self._end_canary()
        keys = TargetingKeys(self.served.config.override.anonymous_id)
        before, after = self.served.revision, self.prepared.served.revision
        self._worker.current.canary = Canary(before, after, percent, keys)

    def _end_canary(self) -> Canary | None:
        """Serve one revision from now on; gives the canary that there was."""
        canary, self._worker.current.canary = self._worker.current.canary, None
        if canary is not None:
            canary.end()
            for name, found in canary.outcomes.items():
                self._compared[name].add(found.total.operations, found.total.failed)
        return canary

    @property
    def canary(self) -> Canary | None:
        """What is served beside what is served to the most; None where that is all."""
        return self._worker.current.canary

    @property
    def compared(self) -> Mapping[str, Outcomes]:
        """What came of the operations of canaries and of those beside them."""
        found = {
            name: Outcomes(known.operations, known.failed) for name, known in self._compared.items()
        }
        for name, now in self.canary.outcomes.items() if self.canary is not None else ():
            found[name].add(now.total.operations, now.total.failed)
        return found

    async def move_subscriptions(self) -> tuple[int, int]:
        """Let the subscriptions of the revision before go on by what is served: how many do, and how many end."""
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
        if self.prepared is None:
            return
        revision, self.prepared = self.prepared.served.revision, None
        if self._end_canary() is None:
            await Remains(revision).close(self._worker.upstream)
            return
        self.served.revision.succeed(revision)
        self._let_go(revision)
        del revision
        await self.move_subscriptions()

    async def aclose(self) -> None:
        """Drain no more: the worker ends."""
        await self.abandon()
        await self.draining.aclose()


def _warm(revision: Revision, before: Revision, plans: Mapping[Key, Prepared]) -> int:
    revision.carry(before, plans)
    count = revision.warm(plans, Resting().rest)
    log_refused(revision.refused_documents)
    return count
