"""What a resolver is: the kinds of `GraphQLField.resolve` that the engine tells apart.

A field of the executable schema is resolved by

1. nothing (`resolve is None`): a *property* of its parent, as graphql-core's default resolver reads it;
2. a `FieldResolver`: a Python function of the user, sync or async, called once per parent;
3. a `BatchField`: a `Loader` that gives the values of a whole column of parents in one call
   (a batch resolver, or a connector on the field);
4. an `EntityField`: a property that the parent's type can complete by a `Loader` of the type
   (a connector on the type) when the parent does not hold it;
5. a framework's function that is marked to do no more than reading a member of the parent (`Member`);
6. any other callable, with graphql-core's signature `(parent, info, **arguments)`.

Each of 2 to 4 is callable with that signature too, so that the same schema runs on graphql-core's own
executor: that is the fallback path. The compiled path reads their attributes and bypasses `__call__`.
Nothing here may know HTTP, connectors or the plan.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aiodataloader import DataLoader

from gateway.client.vary import VARY_NONE, Vary, joined
from gateway.errors import InternalError
from gateway.graph.overrides import Override, loader_for, loaders_of
from gateway.graph.uploads import Upload

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

    from gateway.context import Context
from gateway.graph.loader import Loader

ABSENT = object()


@dataclass(slots=True, eq=False)
class FieldResolver:
    """A Python function of the user on a field: `(parent, context, **arguments)`.

    Attributes:
        function: As the user wrote it (`blocking` ones are already wrapped into a coroutine function).
        coordinate: `Type.field`.
        is_async: Whether it is a coroutine function. What it really returns is looked at all the same.
        takes_info: Whether it has a parameter `info`.
        vary: What it reads of the client; None when that is not known.
        sees: What it may see of the client, the same where it is declared; None for all.
    """

    function: Callable[..., Any]
    coordinate: str
    is_async: bool
    takes_info: bool
    vary: Vary | None = None
    sees: Vary | None = None

    def __call__(self, parent: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if self.takes_info:
            arguments["info"] = info
        return self.call(parent, info.context, fresh(arguments))

    def call(self, parent: Any, context: Context, arguments: Mapping[str, Any]) -> Any:
        """Call the function, with no more of the client than it may see."""
        context = seen_by(context, self.sees)
        if self.takes_info and "info" in arguments:
            info = arguments["info"]
            if info.context is not context:
                arguments = {**arguments, "info": info._replace(context=context)}
        return self.function(parent, context, **arguments)


def seen_by(context: Context, sees: Vary | None) -> Context:
    """A request's state as a function may see it; None for all of it."""
    return context if sees is None else context.restricted(sees)


@dataclass(slots=True, eq=False)
class EventSource:
    """What gives a subscription field its source stream: `GraphQLField.subscribe`.

    Attributes:
        open: `(root, context, **arguments)`: an asynchronous iterator, or an awaitable of one.
        coordinate: `Subscription.field`.
        takes_info: Whether `open` has a parameter `info`.
        shared: Equal subscriptions of one partition listen to one stream, each event of which
            is executed once for all of them.
        vary: What it reads of the client; None when that is not known.
    """

    open: Callable[..., Any]
    coordinate: str
    takes_info: bool
    shared: bool
    vary: Vary | None = None

    def __call__(self, root: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        own = fresh(arguments)
        context = seen_by(info.context, self.vary)
        if self.takes_info:
            own["info"] = info if info.context is context else info._replace(context=context)
        stream = self.open(root, context, **own)
        return self._awaited(stream) if inspect.isawaitable(stream) else self._checked(stream)

    async def _awaited(self, stream: Awaitable[Any]) -> Any:
        return self._checked(await stream)

    def _checked(self, stream: Any) -> Any:
        """Errors: TypeError of our own, since graphql-core's would show the value to the client."""
        if not isinstance(stream, AsyncIterable):
            raise TypeError(
                f"{self.coordinate} must give an asynchronous iterator; it gave {type(stream)}"
            )
        return stream


@dataclass(slots=True, eq=False)
class BatchField:
    """A field that a `Loader` resolves for all parents of a level at once.

    Attributes:
        loader: Called with the parents, the coerced arguments and the context.
        coordinate: `Type.field`.
        override: What gives it where a label is on; None where none decides.
    """

    loader: Loader
    coordinate: str
    override: Override | None = None

    def around(self, wrap: Callable[[Loader], Loader]) -> BatchField:
        """The same field with each of its loaders wrapped."""
        override = self.override and replace(self.override, loader=wrap(self.override.loader))
        return BatchField(wrap(self.loader), self.coordinate, override)

    def __call__(
        self, parent: Any, info: GraphQLResolveInfo[Any], **arguments: Any
    ) -> Awaitable[Any]:
        context: Context = info.context
        own, loader = fresh(arguments), loader_for(self, context)
        if lacking := lacking_reads(loader, parent, info):
            return self._load_completed(loader, parent, lacking, info, own)
        return load_one(loader, parent, own, context)

    async def _load_completed(
        self,
        loader: Loader,
        parent: Any,
        lacking: list[str],
        info: GraphQLResolveInfo[Any],
        arguments: Mapping[str, Any],
    ) -> Any:
        parent = await completed_parent(loader, parent, lacking, info)
        return await load_one(loader, parent, arguments, info.context)


@dataclass(slots=True, eq=False)
class EntityField:
    """A field of an object that a connector on its type supplies where the object lacks it.

    Attributes:
        loaders: The type's loaders that supply this field, first one wins.
        name: The field's name.
        coordinate: `Type.field`.
        override: What supplies it where a label is on; None where none decides.
    """

    loaders: tuple[Loader, ...]
    name: str
    coordinate: str
    missing: object = field(default_factory=object, repr=False)
    override: Override | None = None

    @property
    def loader(self) -> Loader:
        """The first of them."""
        return self.loaders[0]

    def __call__(self, parent: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        value = read_property(parent, self.name, self.missing)
        if value is not self.missing:
            return value(info, **arguments) if callable(value) else value
        if lacking := lacking_reads(loader_for(self, info.context), parent, info):
            return self._complete_later(parent, lacking, info)
        return self.complete(parent, info.context)

    async def _complete_later(
        self, parent: Any, lacking: list[str], info: GraphQLResolveInfo[Any]
    ) -> Any:
        loader = loader_for(self, info.context)
        parent = await completed_parent(loader, parent, lacking, info)
        return await self.complete(parent, info.context)

    async def complete(self, parent: Any, context: Context) -> Any:
        """The value by the first loader that supplies the field: the fallback path only."""
        entity = await load_one(loader_for(self, context), parent, {}, context)
        return None if entity is None else read_property(entity, self.name, None)


def load_one(
    loader: Loader, parent: Any, arguments: Mapping[str, Any], context: Context
) -> Awaitable[Any]:
    """One parent's value, batched with its siblings by a dataloader: the fallback path only.

    The compiled path calls `loader.load` with the whole column instead.
    """
    context = context.whole  # so that siblings are one batch

    async def batch_load(keys: list[Any]) -> list[Any]:
        parents = [parent for (parent,) in keys]
        try:
            return list(await loader.load(parents, fresh(arguments), context))
        except asyncio.CancelledError:
            # aiodataloader leaves waiters pending for ever when its batch task is cancelled.
            return [InternalError(f"the batch of {loader.coordinate} was cancelled")] * len(parents)

    key = (id(loader), freeze(arguments))
    batch = context.loaders.under(key, lambda: DataLoader(batch_load, cache=False))
    return batch.load((parent,))  # a dataloader refuses None, which the parent of a root field is


def freeze(value: Any) -> Hashable:
    """A hashable stand-in for coerced arguments; what cannot be hashed is told apart by identity."""
    if isinstance(value, Mapping):
        return tuple(sorted((name, freeze(item)) for name, item in value.items()))
    if isinstance(value, list | tuple):
        return ("list", *(freeze(item) for item in value))
    try:
        hash(value)
    except TypeError:
        return ("id", id(value))
    return (type(value), value)


def fresh(value: Any) -> Any:
    """A coerced value for one call: lists and input objects of its own, and a reader of its own for each file.

    graphql-core coerces a default once for all.
    """
    if type(value) is dict:
        return {name: fresh(member) for name, member in value.items()}
    if type(value) is list:
        return [fresh(item) for item in value]
    return value.reader() if type(value) is Upload else value


def vary_of(resolve: Any) -> Vary | None:
    """What a field's resolver reads of the client; None when that is not known."""
    if resolve is None:
        return VARY_NONE
    if isinstance(resolve, FieldResolver):
        return resolve.vary
    if isinstance(resolve, BatchField | EntityField):
        return joined(loader.vary for loader in loaders_of(resolve))
    return None


def read_property(parent: Any, name: str, default: Any) -> Any:
    """A field's value as a property of its parent: a member of a mapping, else an attribute."""
    if isinstance(parent, Mapping):
        return parent.get(name, default)
    return getattr(parent, name, default)


def lacking_reads(loader: Loader, parent: Any, info: GraphQLResolveInfo[Any]) -> list[str]:
    """Which fields a loader reads that are not the parent's own, but given by resolvers."""
    lacking = []
    for name in loader.reads or ():
        target = info.parent_type.fields.get(name)
        if target is None or target.resolve is None:
            continue
        is_python = isinstance(target.resolve, FieldResolver)
        if is_python or read_property(parent, name, ABSENT) is ABSENT:
            lacking.append(name)
    return lacking


async def completed_parent(
    loader: Loader, parent: Any, lacking: list[str], info: GraphQLResolveInfo[Any]
) -> dict[str, Any]:
    """A parent with all that a loader reads of it, by way of the fields' own resolvers.

    The fallback path only: a plan puts the steps in order. `info` stays that of the field that reads.

    Errors: whatever a resolver raises; it is the reading field's then.
    """
    whole = {name: read_property(parent, name, None) for name in loader.reads or ()}
    for name in lacking:
        resolve = info.parent_type.fields[name].resolve
        assert resolve is not None
        value = resolve(parent, info)
        whole[name] = await value if inspect.isawaitable(value) else value
    return whole
