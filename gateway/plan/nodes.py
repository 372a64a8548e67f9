"""The plan: what one operation asks of one schema, as plain data.

A plan is made once per document, operation and values of its shaping variables (those that `@skip` and
`@include` read), and never changes. It names types, fields and places in the document and holds no schema
object, no AST and nothing that could be called: it can be printed, compared and golden-tested.

    Plan ── parts ── Part ── root ── Selection ── fields ── Field ── output ── Leaf
             (one; a mutation     │                                         ├── ListOf ── item: an output
              has one per         └── waves ── Step ── the fields it gives  └── Composite ── selections
              root field)
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from gateway.graph.field_tree import FieldTree


class Kind(StrEnum):
    """How the values of a field are found. Decided at plan time."""

    PROPERTY = "property"  # a member of the parent, as graphql-core's default resolver reads it
    SYNC = "sync"  # a function, called once per parent
    ASYNC = "async"  # a coroutine function, called once per parent
    BATCH = "batch"  # a loader, called once for all parents
    ENTITY = "entity"  # a property, loaded where the parent lacks it
    TYPENAME = "typename"  # the parent type's name
    INTROSPECTION = "introspection"  # `__schema` and `__type`: answered once per document


class Check(StrEnum):
    """The cheap test by which generated code knows a leaf value that needs no serialization."""

    STRING = "string"
    ID = "id"
    INT = "int"
    FLOAT = "float"
    BOOLEAN = "boolean"
    ENUM = "enum"
    CUSTOM = "custom"  # none: every value goes through the scalar's own serialization


class Leaf(NamedTuple):
    """A scalar or enum."""

    type: str
    check: Check
    non_null: bool


class ListOf(NamedTuple):
    """A list of anything."""

    item: Output
    non_null: bool


class Composite(NamedTuple):
    """An object, interface or union.

    Attributes:
        type: The type's name as the schema has it on the field.
        selections: One for each object type that a value may have; one alone for an object type.
        by_call: Whether a function of the user decides the runtime type (`resolve_type`,
            `is_type_of`): then the values are settled before anything below them is fetched or shaped.
            Otherwise a value of an abstract type says it by its own `__typename`.
    """

    type: str
    selections: tuple[Selection, ...]
    non_null: bool
    by_call: bool = False


Output = Leaf | ListOf | Composite


class Field(NamedTuple):
    """One response key of one object type at one place of the response.

    Attributes:
        id: Unique in the plan, in the order of the response.
        key: The response key.
        name: The field's name.
        parent: The object type that the field is on.
        kind: How its values are found.
        output: What its values are completed to.
        nodes: Which field nodes of the document it stands for: their numbers in document order.
        arguments: As the document has them, for the reader of the plan.
        access: The member of the parent to read, where that is not `name`.
        loader: Which entity loader gives it, numbered within the plan: fields with one loader are one step.
        wanted: What its loader has to hold, as lines of names; None: all that it can.
        after: Fields of the same selection whose values its loader reads.
        hidden: Fetched for another field's loader, not in the response.
        group: Delivery group; 0 is the first payload.
        denied: "field" or "type": a rule on it, or on its type, denies it to the client; then it is null. "" else.
        wrapped: A middleware wraps its resolver.
        is_overridden: The label of its `@override` is on: another loader gives it.
    """

    id: int
    key: str
    name: str
    parent: str
    kind: Kind
    output: Output
    nodes: tuple[int, ...]
    arguments: str = ""
    access: str | None = None
    loader: int = 0
    wanted: FieldTree | None = None
    after: tuple[int, ...] = ()
    hidden: bool = False
    group: int = 0
    denied: str = ""
    wrapped: bool = False
    is_overridden: bool = False

    @property
    def coordinate(self) -> str:
        return f"{self.parent}.{self.name}"

    @property
    def is_step(self) -> bool:
        """Whether its values are a column of their own, made before the response is shaped."""
        return self.kind not in (Kind.PROPERTY, Kind.TYPENAME)


class Selection(NamedTuple):
    """The fields of one object type at one place of the response.

    Attributes:
        id: Unique in the plan.
        type: The object type's name.
        fields: In the order of the response; hidden ones last.
        settled: Whether its objects are gathered into a column of rows before shaping, because a step
            runs on them or on objects below them. Otherwise they are shaped where they stand.
        is_kept: Whether its rows are kept for what is deferred.
    """

    id: int
    type: str
    fields: tuple[Field, ...]
    settled: bool = False
    is_kept: bool = False


class Step(NamedTuple):
    """Fields that are fetched together for one column of rows.

    Attributes:
        selection: The selection whose rows are the parents.
        fields: One; or the entity fields that one loader completes.
        kind: The fields' kind. PROPERTY: a field of the root, read first so that an awaitable in it
            runs with everything else of its wave.
    """

    selection: int
    fields: tuple[int, ...]
    kind: Kind


class Part(NamedTuple):
    """A root selection, fetched and shaped before the next part starts.

    Attributes:
        root: The selection on the root type.
        waves: Steps by wave: those of one wave run together, each wave after the one before.
    """

    root: Selection
    waves: tuple[tuple[Step, ...], ...] = ()


class Plan(NamedTuple):
    """One operation, ready to be emitted.

    Attributes:
        operation: `query`, `mutation` or `subscription`.
        name: The operation's name; "" when it has none.
        parts: One; for a mutation, one for each root field.
        shaping: The values of the variables that the plan was made for.
        is_deferred: Whether it begins with rows that another plan kept, not with the root value.
        overrides: The labels of `@override` that are on.
    """

    operation: str
    name: str
    parts: tuple[Part, ...]
    shaping: tuple[tuple[str, bool | None], ...] = ()
    is_deferred: bool = False
    overrides: tuple[str, ...] = ()


def composite_of(output: Output) -> Composite | None:
    """The object type at the bottom of an output; None for a leaf."""
    while type(output) is ListOf:
        output = output.item
    return output if type(output) is Composite else None


def child_selections(field: Field) -> tuple[Selection, ...]:
    """The selections right below a field."""
    composite = composite_of(field.output)
    return composite.selections if composite else ()


def walk_selections(selection: Selection) -> Iterator[Selection]:
    """A selection and all below it, parents first, in the order of the response."""
    rest = [selection]
    while rest:
        found = rest.pop()
        yield found
        below = [child for field in found.fields for child in child_selections(field)]
        rest += reversed(below)


def fields_of(plan: Plan) -> list[Field]:
    """All fields of a plan."""
    found: list[Field] = []
    for part in plan.parts:
        found += part.root.fields
    for field in found:  # it grows
        composite = composite_of(field.output)
        if composite is not None:
            for selection in composite.selections:
                found += selection.fields
    return found
