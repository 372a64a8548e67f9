"""`__schema` and `__type`: written as JSON once for each document, schema and argument set.

Most objects of an answer are asked for again and again, types above all: what a selection reads of one is written once.
That is a fifth of what graphql-core takes; a large schema is written in pieces, between which the event loop goes on.
Who asks for the same meanwhile finds what is written already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain
from types import SimpleNamespace
from typing import Any, NamedTuple

import orjson
from graphql import (
    FieldNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_wrapping_type,
)

from gateway.json_bytes import read_json, write_json
from gateway.plan.collect import Collector
from gateway.runtime import reference
from gateway.runtime.bound import BoundField
from gateway.runtime.pauses import pause
from gateway.runtime.spots import Failed
from gateway.runtime.state import Run
from gateway.runtime.variants import Growing, client_key
from gateway.runtime.works import Work

MAX_ANSWERS = 32
# An answer is made in pieces down to the fields of types: one type may have thousands.
LEVELS = 1

Write = Callable[[Any], bytes]


class IntrospectionError(Exception):
    """An answer has errors: the operation has to run on graphql-core as a whole."""


def introspect(run: Run, field: BoundField, rows: list[Any]) -> list[Any]:
    """The column of an introspection field: one completed value, for the root's one row.

    The service has bytes in its place; who else runs a plan gets values of its own.
    """
    json = run.introspection[field.id]
    value = orjson.Fragment if run.bound.is_fixed else read_json
    return [value(json) for _ in rows]


def answer_introspection(run: Run, growing: Growing) -> Iterator[list[Work]]:
    """Answer the introspection fields of a plan, before its first step.

    Args:
        run: The run.
        growing: Admits and charges the client where something is answered for the first time.

    Errors: IntrospectionError; ClientError(UNCACHED_DOCUMENTS_LIMIT).
    """
    answers = run.bound.answers
    asked = [(field, _key(run, field)) for field in run.bound.introspection]
    if len(answers) > MAX_ANSWERS:
        answers.clear()
    for field, key in asked:
        if key not in answers:
            answers[key] = Introspection(run, field)
    found = {field.id: answers[key] for field, key in asked}
    missing = dict.fromkeys(answer for answer in found.values() if answer.json is None)
    pieces = chain.from_iterable(answer.pieces() for answer in missing)
    is_over = not missing
    while not is_over:
        with growing(client_key(run.context)):
            is_over = _go_on(run, pieces)
        if run.works:
            yield run.works
    run.introspection.update((number, answer.json) for number, answer in found.items())


def _go_on(run: Run, pieces: Iterator[None]) -> bool:
    """Write until the event loop is to be given back; whether all is written."""
    for _ in pieces:
        pause(run)
        if run.works:
            return False
    return True


def _key(run: Run, field: BoundField) -> tuple[Any, ...]:
    """What an answer follows from: fields that ask for the same under two aliases share one."""
    arguments = run.arguments_of(field)
    if isinstance(arguments, Failed):
        raise IntrospectionError
    names = sorted(run.variables.coerced)
    variables = repr([(name, run.variables.coerced[name]) for name in names])
    nodes = [run.bound.nodes[number] for number in field.plan.nodes]
    asked = tuple(_text_of(node) for node in nodes)
    return (field.plan.name, asked, repr(arguments), variables)


def _text_of(node: FieldNode) -> str | int:
    """The text of a field's selections; the node's own identity where it has none."""
    below = node.selection_set
    loc = below.loc if below is not None else None
    return loc.source.body[loc.start : loc.end] if loc else id(node)


class Introspection:
    """One answer on its way.

    Args:
        run: Of the document.
        field: Of the root.

    Attributes:
        json: The whole; None until it is written.
    """

    def __init__(self, run: Run, field: BoundField) -> None:
        operation = run.source.operation
        assert operation is not None
        self.json: bytes | None = None
        self._schema = run.bound.schema if run.bound.view is None else run.bound.view.schema
        self._info: Any = SimpleNamespace(schema=self._schema)
        self._collector = Collector(
            self._schema, run.source.document, operation, run.variables.coerced
        )
        self._variables = run.reference_variables()
        self._objects: dict[tuple[int, ...], MetaObjects] = {}
        self._type: Any = get_named_type(field.definition.type)
        self._nodes = run.source.nodes(field.plan.nodes)
        resolve: Any = field.definition.resolve
        self._value = resolve(None, self._info, **run.arguments_of(field))

    def pieces(self) -> Iterator[None]:
        """Write it; stops after each type, field and whatever else stands in lists that high up.

        Errors: IntrospectionError.
        """
        root, value = self.objects(self._type, self._nodes), self._value
        try:
            for _ in _write_lists(root, value, LEVELS) if value is not None else ():
                if self.json is not None:
                    return  # another request was faster
                yield
            self.json = b"null" if value is None else root.write(value)
        except Exception as exc:
            raise IntrospectionError from exc
        for objects in self._objects.values():
            while objects.written:  # to let go of a hundred thousand at once takes 20 ms, too
                objects.written.popitem()
                yield
        self._objects.clear()

    def objects(self, meta: Any, nodes: Sequence[FieldNode]) -> MetaObjects:
        """What writes the objects of an introspection type for selections."""
        key = tuple(map(id, nodes))
        known = self._objects.get(key)
        if known is None:
            known = self._objects[key] = MetaObjects(self, meta, nodes)
        return known

    def members(self, meta: Any, nodes: Sequence[FieldNode]) -> Iterator[MetaMember]:
        """What selections ask of an introspection type. Errors: as graphql-core's, of arguments."""
        grouped = self._collector.collect_fields(meta, [node.selection_set for node in nodes])
        for key, same in grouped.items():
            head, name = write_json(key) + b":", same[0].name.value
            if name == "__typename":
                yield MetaMember(head, partial(_type_name, meta.name), write_json)
                continue
            definition = meta.fields[name]
            arguments = reference.argument_values(definition, same[0], self._variables, False)
            read = partial(_resolve, definition.resolve, self._info, arguments)
            named: Any = get_named_type(definition.type)
            objects = None if is_leaf_type(named) else self.objects(named, same)
            write: Write = partial(_write_leaf, named.serialize) if not objects else objects.write
            is_list = is_list_type(get_nullable_type(definition.type))
            yield MetaMember(head, read, write, is_list, objects if is_list else None)


class MetaMember(NamedTuple):
    """One response key of an introspection type.

    Attributes:
        head: Its name in JSON, and the colon.
        read: Its value of an object.
        write: That as JSON, or an item of it; it is never asked for null.
        is_list: Whether it is a list.
        items: The objects of it, where it is a list of any.
    """

    head: bytes
    read: Callable[[Any], Any]
    write: Write
    is_list: bool = False
    items: MetaObjects | None = None


class MetaObjects:
    """The objects of one introspection type as the same selections read them.

    Attributes:
        written: Each as JSON, by what tells it from others.
    """

    def __init__(self, answer: Introspection, meta: Any, nodes: Sequence[FieldNode]) -> None:
        self._make = partial(answer.members, meta, nodes)
        self.written: dict[Any, bytes] = {}

    @cached_property
    def members(self) -> list[MetaMember]:
        """What is read of each."""
        return list(self._make())

    def write(self, thing: Any) -> bytes:
        """One as JSON."""
        key = _identity(thing)
        known = self.written.get(key)
        if known is None:
            before, parts = b"{", list[bytes]()
            for head, read, write, is_list, _ in self.members:
                value = read(thing)
                parts += (before, head)
                if value is None:
                    parts.append(b"null")
                elif is_list:  # not joined by itself: of a whole schema that is megabytes
                    _add_list(parts, write, value)
                else:
                    parts.append(write(value))
                before = b","
            parts.append(b"}" if parts else b"{}")
            known = self.written[key] = b"".join(parts)
        return known


def _identity(thing: Any) -> Any:
    """What tells one object of a schema from the others: fields and arguments are pairs, made when they are asked for.

    A list of a type is made anew wherever it stands, too.
    """
    if type(thing) is tuple:
        return thing[0], id(thing[1])
    if not is_wrapping_type(thing):
        return id(thing)
    return type(thing), _identity(thing.of_type)


def _type_name(name: str, _thing: Any) -> str:
    return name


def _resolve(resolve: Any, info: Any, arguments: dict[str, Any], thing: Any) -> Any:
    return resolve(thing, info, **arguments)


def _write_leaf(serialize: Callable[[Any], Any], value: Any) -> bytes:
    return write_json(serialize(value))


def _add_list(parts: list[bytes], write_item: Write, items: Any) -> None:
    before = b"["
    for item in items:
        parts += (before, write_item(item))
        before = b","
    parts.append(b"]" if before == b"," else b"[]")


def _write_lists(objects: MetaObjects, thing: Any, levels: int) -> Iterator[None]:
    """Write what stands in the lists of an object, those so many levels below first, and stop after each."""
    for member in objects.members:
        below = member.items
        if below is None:
            continue
        for item in member.read(thing) or ():
            if levels:
                yield from _write_lists(below, item, levels - 1)
            below.write(item)
            yield
