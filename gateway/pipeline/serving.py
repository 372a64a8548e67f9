"""What the transports ask of whatever serves a schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from gateway.client.request import ClientRequest
from gateway.concurrency.awaitable import AwaitableOrValue
from gateway.context import Context
from gateway.telemetry.metrics import Sample

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from gateway.graph.views.view import SchemaView
    from gateway.override.decide import LabelDecider
    from gateway.pipeline.dedupe import Sharing
    from gateway.pipeline.pipeline import Pipeline
    from gateway.pipeline.subscriptions import Subscriptions


class Serving(Protocol):
    """One schema as it is served. An operation keeps the one that it began with."""

    @property
    def digest(self) -> str:
        """Of the files that it was made of; "" where nobody asked."""
        ...

    @property
    def schema(self) -> GraphQLSchema:
        """All of it."""
        ...

    @property
    def views(self) -> Mapping[str, SchemaView]:
        """The views of its schema, by their names."""
        ...

    @property
    def pipeline(self) -> Pipeline:
        """The stages."""
        ...

    @property
    def subscriptions(self) -> Subscriptions:
        """The operations whose answers go on."""
        ...

    @property
    def sharing(self) -> Sharing:
        """Equal operations in flight as one."""
        ...

    @property
    def labels(self) -> LabelDecider:
        """Decides the labels of `@override`."""
        ...

    @property
    def state(self) -> Mapping[str, Any]:
        """What `@on_startup` functions have made."""
        ...

    def new_context(self, client: ClientRequest) -> AwaitableOrValue[Context]:
        """The state of one execution."""
        ...

    def samples(self) -> Iterator[Sample]:
        """What was counted, for metrics."""
        ...


class CurrentServing(Protocol):
    """Gives what a request that begins now is answered by."""

    def __call__(self, client: ClientRequest | None = None, /) -> Serving:
        """Whose request it is decides while another schema is tried; None for what is of nobody."""
        ...
