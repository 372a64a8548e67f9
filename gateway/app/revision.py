"""What one schema owns: its graph, the plans that were made for it, the stages, and the state of its Python.

Nothing of it belongs to a socket: a worker begins each request with its current revision, and the request keeps that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any
from weakref import ref

from graphql import GraphQLSchema

from gateway.app.build import Graph
from gateway.app.config import Config
from gateway.app.hooks import Hooks, named_values, settled
from gateway.app.override_labels import make_decider
from gateway.app.plan_maker import PlanMaker
from gateway.app.services import kept_answers, time_left
from gateway.app.shadows import add_shadows, shadow_samples, take_shadows
from gateway.app.sources import unshared_sources, upstream_settings
from gateway.app.worker import Worker
from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.context import Context
from gateway.cost.operation_cost import OperationCosts
from gateway.execute.prepared import Prepared
from gateway.graph.application_context import ApplicationContext
from gateway.graph.views.view import SchemaView
from gateway.language.verdict import SameNames
from gateway.override.testers import Testers
from gateway.pipeline.authorize import Authorization, policies_of
from gateway.pipeline.dedupe import Sharing
from gateway.pipeline.demand import Demand
from gateway.pipeline.event_streams import Streams
from gateway.pipeline.explain import Explain
from gateway.pipeline.found_plan import Key
from gateway.pipeline.hooked import HookedPipeline, HookedSubscriptions
from gateway.pipeline.overrides import OverrideChoice
from gateway.pipeline.pipeline import Pipeline
from gateway.pipeline.plan_budget import PlanBudget
from gateway.pipeline.plan_cache import PlanCache
from gateway.pipeline.subscriptions import Subscriptions
from gateway.pipeline.view_choice import ViewChoice
from gateway.pipeline.warm import Rest, no_rest, warm_documents, warm_plans, warm_texts
from gateway.response.masking import ErrorMask
from gateway.runtime.bounds import ResultLimits
from gateway.telemetry.metrics import Sample
from gateway.telemetry.records import UNDER_WAY
from gateway.telemetry.trace import Trace
from gateway.upstream.cache.outward import OutwardFreshness


class Revision:
    """A schema as one worker serves it.

    Args:
        graph: The schema with its resolvers and connectors.
        config: How it is served.
        base: The folder that relative paths in the configuration start from.
        explain: Who is shown plans and timings.
        testers: Who may decide labels of `@override` for a request of its own.
        worker: Its sockets, pools and telemetry.
        hooks: The user's Python, and what it has made at the start.

    Attributes:
        digest: Of the files that it was made of; "" where nobody asked.
        plans: Of this schema alone.
        labels: Decides those of `@override`.
        sharing: Equal operations in flight as one.
        pipeline: The stages.
        subscriptions: The operations whose answers go on.
        graph: The schema with its resolvers and connectors.
        state: What `@on_startup` functions returned.
        upstream: Its sources. Those that the revision before it has with equal settings are the same.
    """

    def __init__(
        self,
        graph: Graph,
        config: Config,
        base: Path,
        explain: Explain,
        testers: Testers,
        worker: Worker,
        hooks: Hooks | None = None,
        digest: str = "",
    ) -> None:
        assert graph.schema is not None
        assert graph.bound is not None
        self.graph, self.digest = graph, digest
        self._source_urls = graph.bound.base_urls
        self._config, self._base, self._worker = config, base, worker
        limits = result_limits(config)
        self._factories = [mark for mark in graph.marks if mark.kind == "context_factory"]
        self._application = graph.application_context
        self._new_context = Context if self._application is None else ApplicationContext
        self.state: dict[str, Any] = hooks.state if hooks is not None else {}
        self.upstream = worker.upstream
        # It does not know the revision: that goes with the last request that holds it, and not in a circle.
        costs = None if config.cost.mode == "off" else OperationCosts(graph.schema, config.cost)
        self._maker = maker = PlanMaker(graph.schema, config.limits, limits, graph.views, costs)
        self.plans: PlanCache[Prepared] = PlanCache(
            config.plan_cache,
            maker.make,
            size_of=attrgetter("size_bytes"),
            budget=PlanBudget(config.limits.plan_cpu_share),
            max_text_length=config.limits.max_document_bytes,
        )
        self.refused_documents: Mapping[str, str] = {}
        maker.growing, maker.lookup = self.plans.growing, self.plans.lookup
        unshared = unshared_sources(config, self._source_urls)
        self.sharing = Sharing(
            config.traffic_shaping.router.dedupe,
            graph.ambient,
            worker.upstream.reads.operations,
            unshared,
        )
        mask = ErrorMask(config.errors.mask, limits)
        is_weighed = costs is not None or worker.quotas is not None
        demand = Demand(config.cost, explain, worker.quotas, config.clients) if is_weighed else None
        reads_client = hooks is not None and hooks.reads_client
        is_for_known = config.authorization.require_authentication or reads_client
        self.sharing.answers = kept_answers(config, worker.upstream, graph.ambient, is_for_known)
        policies = [mark.target for mark in graph.marks if mark.kind == "policy_resolver"]
        self.labels = make_decider(
            config, graph.schema, graph.marks, worker.switches, testers, worker.flags
        )
        of_operations = hooks.operations if hooks is not None else None
        make = Pipeline if of_operations is None else partial(HookedPipeline, of_operations)
        self.pipeline = make(
            worker.admission,
            worker.documents,
            self.plans,
            self.sharing,
            mask,
            explain,
            worker.observer,
            config.limits,
            Authorization(
                config.authorization.directives,
                policies_of(policies),
                is_for_known=is_for_known,
            ),
            OverrideChoice(self.labels, worker.flags),
            ViewChoice(config.clients, config.authorization.default_views)
            if config.views
            else None,
            demand,
            has_streams=config.subscription.enabled,
        )
        streams = Streams(
            mask, config.subscription.max_queue, graph.ambient, demand, worker.observer
        )
        if isinstance(self.pipeline, HookedPipeline):
            self.subscriptions: Subscriptions = HookedSubscriptions(
                self.pipeline, streams, worker.measures
            )
        else:
            self.subscriptions = Subscriptions(self.pipeline, streams, worker.measures)

    @property
    def schema(self) -> GraphQLSchema:
        """All that is served."""
        assert self.graph.schema is not None
        return self.graph.schema

    @property
    def views(self) -> Mapping[str, SchemaView]:
        """The views of its schema, by their names."""
        return self.graph.views

    @property
    def timeout_s(self) -> float:
        """How long a request of it may take."""
        return self._config.traffic_shaping.router.timeout_s

    def plans_in_use(self, most: int) -> dict[Key, Prepared]:
        """The plans that were used last, by a key that leads to them."""
        return self.plans.recent(most)

    def carry(self, before: Revision, plans: Mapping[Key, Prepared]) -> None:
        """Take the documents over that another schema found valid, where it means the same by all that they name.

        A plan itself holds types, resolvers and sources of its schema: it is made for this one of the same document.

        Args:
            before: Whose they are.
            plans: By a key that leads to them.
        """
        was, config = before._config, self._config
        if (was.limits, was.graph) != (config.limits, config.graph):
            return
        assert self.graph.schema is not None
        assert before.graph.schema is not None
        names = SameNames(before.graph.schema, self.graph.schema)
        for key, prepared in plans.items():
            document = prepared.source.document
            if key.view is not None or document.loc is None:
                continue
            # A plan may be found by texts with other literals: they were never validated as this one was.
            if document.loc.source.body == key.text and names.are_same(document):
                self._maker.valid[key.text] = document

    def add_shadows(self) -> None:
        """Let its fields be compared that have a `@shadow`."""
        assert self.graph.schema is not None
        settings = upstream_settings(self._config, self._source_urls)
        add_shadows(self.upstream, self.graph.schema, self._config, settings, self._worker)

    async def connect(self) -> None:
        """Make its own sources, where they take the place of the worker's."""
        settings = upstream_settings(self._config, self._source_urls)
        self.upstream = self._worker.upstream.successor(settings)
        self.add_shadows()
        await self.upstream.open()

    def warm(self, documents: Collection[Key] = (), rest: Rest = no_rest) -> int:
        """Make the plans that are asked for at once: those of the configuration, and of documents that are in use.

        Shape: how many of `documents` have a plan; `rest` is called after each.
        Errors: ConfigError for one of the configuration's.
        """
        config, trusted = self._config, self.pipeline.documents.trusted
        warm_plans(self.plans, config.plan_cache.warm, self._base)
        if trusted is not None and config.persisted_documents.warm:
            texts = islice(trusted.once_each(), config.plan_cache.max_entries)
            self.refused_documents = warm_texts(self.plans, texts)
        known = [one for one in documents if one.view is None or one.view in self.graph.views]
        count = warm_documents(self.plans, known, rest)
        self._maker.valid.clear()
        for key in reversed(self.plans.recent(len(self.plans))):
            if (plan := self.plans.known(*key)) is not None and plan.value.labels:
                plan.value.overridden(self.labels.on_for_all(plan.value.labels), None)
        return count

    def succeed(self, before: Revision) -> None:
        """Count on from where the one before has counted to, with what this one has counted beside it."""
        before.plans.counters.add(self.plans.counters)
        self.plans.counters = before.plans.counters
        self.sharing.succeed(before.sharing)
        before.labels.counts.update(self.labels.counts)
        self.labels.counts = before.labels.counts
        assert self.graph.schema is not None
        assert before.graph.schema is not None
        take_shadows(self.graph.schema, before.graph.schema, self.labels.stepped(before.labels))
        before.upstream.hand_over(self.upstream)

    def samples(self) -> Iterator[Sample]:
        """What was counted of this schema, for metrics."""
        yield from self.plans.samples()
        yield from self.sharing.samples()
        yield from self.subscriptions.samples()
        yield from self.labels.samples()
        assert self.graph.schema is not None
        yield from shadow_samples(self.graph.schema, self.upstream)

    def new_context(self, client: ClientRequest) -> AwaitableOrValue[Context]:
        """The state of one execution: at once where no `@context_factory` has a part in it."""
        config, worker = self._config, self._worker
        router = config.traffic_shaping.router
        asks = router.client_timeout_header
        timeout_s = time_left(router, client.headers) if asks else router.timeout_s
        context = self._new_context(  # by position: names would cost half as much again
            client,
            worker.clock() + timeout_s,
            self.upstream,
            config.connectors.config,
            self._source_urls,
            self.state,
            worker.broker,
        )
        if config.response_cache.client_headers:
            context.stats.outward = OutwardFreshness(config.response_cache.tag_header)
        if worker.tracing is not None:
            context.stats.trace = worker.tracing.begin(client.headers)
        elif worker.is_timed:
            context.stats.trace = Trace(())
        return self._furnish(context) if self._factories or self._application else context

    async def _furnish(self, context: Context) -> Context:
        context.state = dict(self.state)
        UNDER_WAY.set(ref(context))
        for mark in self._factories:
            seen = context if mark.vary is None else context.restricted(mark.vary)
            context.state.update(named_values(mark, await settled(mark.target(seen))))
        if isinstance(context, ApplicationContext) and self._application is not None:
            context.application = await settled(self._application(context))
        return context


def result_limits(config: Config) -> ResultLimits:
    """What one result may be."""
    return ResultLimits(
        max_nodes=config.limits.max_response_nodes,
        max_bytes=config.limits.max_response_bytes,
        max_errors=config.errors.max_errors,
        is_paused=True,
    )
