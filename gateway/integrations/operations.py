"""The operations of a schema that servers on graphql-core run: found by the document, prepared at the second run.

    document ─ the very object came before ─────────────────────────► Operations of it
             └ its text came before ─ its content did ──────────────► Operations of it
             │                      └ it did not ─ made
             └ it is new ──────────────────────────────────────────── none: graphql-core runs it

What comes once is not worth a plan: it costs more than graphql-core's run. Everything is bounded, and lives and dies
with the schema. Threads may share a schema: what changes several members at once does so under a lock.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from types import MethodType
from typing import Any

from graphql import DocumentNode, GraphQLSchema
from graphql.type import assert_valid_schema

from gateway.execute.prepared import Prepared
from gateway.integrations import known
from gateway.integrations.content import Content, content_of
from gateway.plan.kinds import Wraps
from gateway.runtime import reference
from gateway.runtime.request import Source

COMPILED_FROM = 2
"""At which run an operation is compiled. Before it graphql-core runs it."""
MAX_DOCUMENTS = 1_000
MAX_SIZE_BYTES = 256 * 1024 * 1024
MAX_SEEN = 20_000
"""How many documents are remembered to have come once, 32 bytes each."""
MAX_RESOLVERS = 16
"""For how many pairs of a `field_resolver` and a `type_resolver` plans are made: a server has one or two, and one that
makes a function for each request would have a plan made for each."""

Resolver = Callable[..., Any]


class Variety:
    """What beside the document makes a prepared operation.

    Args:
        operation_name: As given: it names one of the document's.
        field_resolver: In the place of graphql-core's default one.
        type_resolver: The same.
        wraps: Which fields a middleware wraps; None for none.

    Attributes:
        resolvers: What tells the two resolvers from others; None without one.
        key: What tells it from others, as long as it is held.
    """

    __slots__ = ("field_resolver", "key", "operation_name", "resolvers", "type_resolver", "wraps")

    def __init__(
        self,
        operation_name: str | None = None,
        field_resolver: Resolver | None = None,
        type_resolver: Resolver | None = None,
        wraps: Wraps | None = None,
    ) -> None:
        self.operation_name = operation_name
        self.field_resolver = field_resolver
        self.type_resolver = type_resolver
        self.wraps = wraps
        self.resolvers: tuple[Any, Any] | None = None
        if field_resolver is not None or type_resolver is not None:
            self.resolvers = _identity(field_resolver), _identity(type_resolver)
        self.key = operation_name, self.resolvers, wraps


def _identity(resolver: Resolver | None) -> Any:
    """What tells a resolver from others: two that are equal may still give different values, or have no hash."""
    # Each look at an object's method makes a method of its own; it is told by the object and the function.
    return resolver if type(resolver) is MethodType else id(resolver)


class KnownOperations:
    """The prepared operations of all documents with one content.

    Attributes:
        content: Theirs.
        prepared: By the key of what else makes one.
        valid_by: The sets of rules by which they are known to be valid.
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        self.prepared: dict[Any, Prepared] = {}
        self.valid_by: set[Any] = set()
        self.size = 0


class SeenDocument:
    """One document that came, held weakly.

    Attributes:
        operations: Of its content.
        document: Its definitions, not itself: or it would never be let go.
        sources: What its runs are told of it, by the names of its operations.
    """

    __slots__ = ("document", "operations", "reference", "sources")

    def __init__(
        self,
        document: DocumentNode,
        operations: KnownOperations,
        forget: Callable[[weakref.ref[DocumentNode]], object],
    ) -> None:
        self.reference = weakref.ref(document, forget)
        self.operations = operations
        self.document = DocumentNode(definitions=document.definitions, loc=document.loc)
        self.sources: dict[str | None, Source] = {}

    def source(self, operation_name: Any) -> Source | None:
        """What a run of one of its operations is told of it; None where it has no such one: nothing is kept then."""
        if operation_name is not None and not isinstance(operation_name, str):
            return None
        known = self.sources.get(operation_name)
        if known is None:
            known = Source(lambda: self.document, operation_name)
            if known.operation is None:
                return None
            self.sources[operation_name] = known
        return known


class Store:
    """All of one schema.

    Attributes:
        is_incremental: Whether the schema has `@defer` or `@stream`.
    """

    def __init__(self, is_incremental: bool = False) -> None:
        self.is_incremental = is_incremental
        self.size_bytes = 0
        self._lock = threading.Lock()
        self._came: dict[int, None] = {}
        self._documents: dict[int, SeenDocument] = {}
        self._valid: dict[tuple[int, Any], weakref.ref[DocumentNode]] = {}
        self._by_content: dict[Content, KnownOperations] = {}
        self._recent: OrderedDict[KnownOperations, None] = OrderedDict()
        self._resolvers: dict[Any, Variety] = {}  # which hold what their keys name

    def __reduce__(self) -> tuple[type, tuple[bool]]:
        """Neither copies nor pickles of a schema have its operations."""
        return (Store, (self.is_incremental,))

    def __len__(self) -> int:
        return len(self._recent)

    def lookup(self, document: DocumentNode, *, is_run: bool = True) -> SeenDocument | None:
        """What is known of a document; None at its first run.

        Args:
            document: A document.
            is_run: Whether this is a run of it: asking alone does not make it known.

        Errors: RecursionError.
        """
        known = self._documents.get(id(document))
        if known is not None and known.reference() is document:
            with suppress(KeyError):  # let go meanwhile, by another thread
                self._recent.move_to_end(known.operations)
                return known
        content = content_of(document) if document.loc is None else None
        if COMPILED_FROM > 1 and not self._came_before(document, content, is_run):
            return None
        return self._enter(document, content if content is not None else content_of(document))

    def note_valid(self, document: DocumentNode, rules: Any) -> None:
        """Keep that a document is valid by some rules, as long as the document is there."""
        place, valid = (id(document), rules), self._valid

        def forget(gone: weakref.ref[DocumentNode]) -> None:
            if valid.get(place) is gone:
                del valid[place]

        valid[place] = weakref.ref(document, forget)

    def is_valid(self, document: DocumentNode, rules: Any) -> bool:
        """Whether that is known of this very document."""
        known = self._valid.get((id(document), rules))
        return known is not None and known() is document

    def admits(self, variety: Variety) -> bool:
        """Whether plans are made for its resolvers: without one of them always."""
        pair = variety.resolvers
        if pair is None or pair in self._resolvers:
            return True
        with self._lock:
            if len(self._resolvers) >= MAX_RESOLVERS:
                return False
            self._resolvers[pair] = variety
        return True

    def prepare(self, schema: GraphQLSchema, seen: SeenDocument, variety: Variety) -> Prepared:
        """The prepared operation of a document that has one of this name."""
        operations = seen.operations
        found = operations.prepared.get(variety.key)
        if found is None:
            found = Prepared(
                schema,
                seen.document,
                variety.operation_name,
                field_resolver=variety.field_resolver,
                type_resolver=variety.type_resolver,
                wraps=variety.wraps,
            )
            with self._lock:
                operations.prepared[variety.key] = found
                self._weigh(operations)
        return found

    def _came_before(self, document: DocumentNode, content: Content | None, is_run: bool) -> bool:
        # A hash that another text has too makes a plan too early, no more.
        mark = hash(content if document.loc is None else document.loc.source.body)
        if mark in self._came:
            return True
        if is_run:
            if len(self._came) >= MAX_SEEN:
                self._came.clear()
            self._came[mark] = None
        return False

    def _enter(self, document: DocumentNode, content: Content) -> SeenDocument:
        number = id(document)
        with self._lock:
            operations = self._by_content.get(content)
            if operations is None:
                operations = self._by_content[content] = KnownOperations(content)
                operations.size = 16 * len(content)
                self.size_bytes += operations.size
                self._recent[operations] = None
            else:
                self._recent.move_to_end(operations)
            forget = _forgetting(self._documents, number)
            seen = self._documents[number] = SeenDocument(document, operations, forget)
            self._evict()
        return seen

    def _weigh(self, operations: KnownOperations) -> None:
        if operations not in self._recent:
            return
        size = 16 * len(operations.content)
        size += sum(found.size_bytes for found in operations.prepared.values())
        self.size_bytes += size - operations.size
        operations.size = size
        self._recent.move_to_end(operations)
        self._evict()

    def _evict(self) -> None:
        while len(self._recent) > 1 and (
            len(self._recent) > MAX_DOCUMENTS or self.size_bytes > MAX_SIZE_BYTES
        ):
            oldest, _ = self._recent.popitem(last=False)
            self.size_bytes -= oldest.size
            del self._by_content[oldest.content]
            for number in [n for n, seen in self._documents.items() if seen.operations is oldest]:
                del self._documents[number]


def _forgetting(
    documents: dict[int, SeenDocument], number: int
) -> Callable[[weakref.ref[DocumentNode]], object]:
    def forget(gone: weakref.ref[DocumentNode]) -> None:
        seen = documents.get(number)
        if seen is not None and seen.reference is gone:
            del documents[number]

    return forget


def store_of(schema: GraphQLSchema) -> Store:
    """The operations of a schema, on the schema itself. Errors: graphql-core's for a schema that is not valid."""
    store: Store | None = schema.__dict__.get("_gateway_operations")
    if store is None:
        assert_valid_schema(schema)
        for prepare in known.preparations:
            prepare(schema)
        made = Store(reference.has_incremental(schema))
        store = schema.__dict__.setdefault("_gateway_operations", made)
    return store
