"""The decorators of the façade: they put a mark on the user's function or class and return it unchanged.

There is no registry of the process: `find_marks` walks the modules of the configured package and reads
the marks off what stands in them, so that two gateways in one process share nothing, and a function stays
an ordinary function that a test can call.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast, overload

from gateway.client.vary import Vary, vary_of_names

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
MARK = "__gateway_marks__"


@dataclass(frozen=True, slots=True)
class Mark:
    """What one decorator said of one function or class.

    Attributes:
        kind: "resolver", "batch_resolver", "subscription", "scalar", "type_resolver",
            "schema_directive", "entity_resolver", "policy_resolver", "override_label", "on_startup",
            "on_shutdown", "context_factory", or one of `graph.hook_marks`.
        name: Schema coordinate, type name or directive name; "" for the kinds without one.
        target: What was decorated.
        blocking: Run in the thread pool.
        names: SDL argument name to Python parameter name, where they differ.
        vary: What it reads of the client; None when that is not declared.
        shared: Equal subscriptions listen to one source stream.
        topic: The topic whose events are the source stream, with `{argument}` in it.
        order: Of hooks of one kind: lower ones run first.
        sources: The sources that a hook is for; none for all.
        takes_variables: Whether a hook sees an operation's variables.
        plugin: The plugin that it is of; "" for the application's own.
    """

    kind: str
    name: str
    target: Any
    blocking: bool = False
    names: Mapping[str, str] | None = None
    vary: Vary | None = None
    shared: bool = False
    topic: str | None = None
    order: int = 0
    sources: tuple[str, ...] = ()
    takes_variables: bool = False
    plugin: str = ""

    @property
    def title(self) -> str:
        """What it is, for a person: `@upper`, `the type resolver of Node`, `the context factory user`."""
        of_plugin = f" of the plugin {self.plugin}" if self.plugin else ""
        if self.kind == "schema_directive":
            return f"@{self.name}{of_plugin}"
        kind = self.kind.replace("_", " ")
        if not self.name:
            is_hook = self.kind in HOOKS
            kind = f"@{self.kind}" if is_hook else f"the {kind}"
            return f"{kind} {getattr(self.target, '__name__', '')}{of_plugin}"
        return f"the {kind} of {self.name}{of_plugin}"

    @property
    def place(self) -> tuple[str | None, int | None]:
        """File and line of the decorated object."""
        try:
            file = inspect.getsourcefile(self.target)
            return file, inspect.getsourcelines(self.target)[1]
        except (TypeError, OSError):
            return None, None


def _renamed(function: F) -> F:
    """A decorator that takes `reads=`, what `vary=` was called before, and warns of it."""

    @wraps(function)
    def renamed(*args: Any, **options: Any) -> Any:
        if "reads" in options:
            warnings.warn("`reads=` is called `vary=`", DeprecationWarning, stacklevel=2)
            options["vary"] = options.pop("reads")
        return function(*args, **options)

    return cast("F", renamed)


HOOKS = ("on_request", "principal", "on_operation", "on_upstream", "on_response")
"""The kinds that stand on a request's way, in its order."""

AMBIENT = ("type_resolver", "schema_directive", "context_factory")
"""The kinds that run beside resolvers: one that declares nothing switches sharing off for every operation."""


@_renamed
def resolver(
    coordinate: str,
    *,
    blocking: bool = False,
    names: Mapping[str, str] | None = None,
    vary: str | Iterable[str] | None = None,
) -> Callable[[T], T]:
    """Resolve `Type.field` by a function `(parent, context, **arguments)`, sync or async.

    Args:
        coordinate: `Video.url`.
        blocking: Run it in the worker's thread pool, because it blocks.
        names: SDL argument name to parameter name; `from` is `from_` without being told.
        vary: What it reads of the client: names of request headers, `$principal.id`, `$request.claims.tenant`. It
            sees nothing else, and those who have the same share its operations. Undeclared means that it sees all,
            and that its operations are never shared.
    """
    return marking("resolver", coordinate, blocking=blocking, names=names, vary=declared(vary))


@_renamed
def batch_resolver(
    coordinate: str,
    *,
    names: Mapping[str, str] | None = None,
    vary: str | Iterable[str] | None = None,
) -> Callable[[T], T]:
    """Resolve `Type.field` for all parents of a level by one `async (parents, context, **arguments)`.

    Shape: returns a list of the parents' length; an item that is an Exception belongs to its parent.
    """
    return marking("batch_resolver", coordinate, names=names, vary=declared(vary))


@_renamed
def subscription(
    coordinate: str,
    *,
    topic: str | None = None,
    shared: bool = False,
    names: Mapping[str, str] | None = None,
    vary: str | Iterable[str] | None = None,
) -> Callable[[T], T]:
    """The source stream of `Subscription.field`: an async generator `(root, context, **arguments)`.

    Args:
        coordinate: `Subscription.commentAdded`.
        topic: The events are those of this topic of `context.pubsub`, `comments.{videoId}` with
            arguments by their names in the schema. The function then is the field's resolver
            `(event, context, **arguments)`. Equal subscriptions execute an event once.
        shared: Equal subscriptions listen to one stream of the generator, and execute an event once.
        names: SDL argument name to parameter name.
        vary: What it reads of the client.
    """
    return marking(
        "subscription",
        coordinate,
        topic=topic,
        shared=shared or topic is not None,
        names=names,
        vary=declared(vary),
    )


def scalar(name: str) -> Callable[[T], T]:
    """A custom scalar: a class or module-like object with `serialize`, `parse_value`, `parse_literal`.

    Of a class whose methods take `self` one object is made, without arguments. Each method is optional and called with
    the value alone (`parse_literal` with the AST node too gets the variables); what is missing passes values through.
    Raise ValueError or GraphQLError on a bad value.
    """
    return marking("scalar", name)


@_renamed
def type_resolver(name: str, *, vary: str | Iterable[str] | None = None) -> Callable[[T], T]:
    """The runtime type of an interface's or union's value: `(value, context) -> type name`."""
    return marking("type_resolver", name, vary=declared(vary))


@_renamed
def schema_directive(name: str, *, vary: str | Iterable[str] | None = None) -> Callable[[T], T]:
    """A directive of the schema: a class, made with the directive's arguments for each use.

    It has one or more of `result(value, context)` (changes what the field gives, for each parent),
    `resolve(next, parent, context, **arguments)` (wraps or replaces the field's resolver; `next` is called
    with the same arguments) and `argument(value)` (checks or changes an argument's value).
    """
    return marking("schema_directive", name, vary=declared(vary))


def entity_resolver(name: str, *, vary: Iterable[str] | None = None) -> Callable[[T], T]:
    """The objects of a type with a `@key`, for a router: `(representations, context)`, sync or async.

    Shape: a representation is a dict with `__typename`, the key's members and what fields `@requires`; returns
        a list of their length, None for one that there is not. What the objects lack is completed by the
        type's connectors and resolvers, which are all there is without an entity resolver.
    """
    return marking("entity_resolver", name, vary=declared(vary))


def on_startup(function: T) -> T:
    """Run `async (state)` once per worker before it is ready; what it returns, a dict, joins `state`."""
    return marking("on_startup", "")(function)


def on_shutdown(function: T) -> T:
    """Run `async (state)` once per worker after the last request."""
    return marking("on_shutdown", "")(function)


@overload
def context_factory(function: T, /) -> T: ...


@overload
def context_factory(*, vary: str | Iterable[str] | None = None) -> Callable[[T], T]: ...


@_renamed
def context_factory(function: Any = None, *, vary: str | Iterable[str] | None = None) -> Any:
    """Run `(context)`, sync or async, for each request; what it returns, a dict, joins `context.state`."""
    if function is None:
        return marking("context_factory", "", vary=declared(vary))
    return marking("context_factory", "")(function)


def override_label(label: str) -> Callable[[T], T]:
    """Decide a label of `@override`: `(context) -> bool`, sync or async, once for each request that asks for it.

    It runs before anything is fetched, and may read all of the client: its answer chooses the plan.
    """
    return marking("override_label", label)


def policy_resolver(function: T) -> T:
    """Decide the schema's `@policy`s: `async (context, policies)`, once for each operation that names some.

    It returns a dict of policy to bool; what is missing is denied.
    """
    return marking("policy_resolver", "")(function)


def declared(names: str | Iterable[str] | None) -> Vary | None:
    """What `vary=` says; None where it says nothing. Errors: ValueError."""
    if names is None:
        return None
    return vary_of_names([names] if isinstance(names, str) else names)  # one name is a list of one


def marking(kind: str, name: str, **options: Any) -> Callable[[T], T]:
    """A decorator that puts a mark on what it decorates."""
    if not isinstance(name, str):
        raise TypeError(f"@{kind} takes the name in the schema: @{kind}('Type.field')")

    def mark(target: T) -> T:
        marks = target.__dict__.get(MARK, ())
        setattr(target, MARK, (*marks, Mark(kind, name, target, **options)))
        return target

    return mark
