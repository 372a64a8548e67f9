"""graphql-core's `parse` and `validate`, which remember what they said of a text that comes again.

What is remembered depends on nothing but the arguments: a document belongs to its text and the options of the
parser, its validity to a schema and rules that are known to look at nothing else. Errors are found anew each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from itertools import groupby
from typing import Any

import graphql
from graphql import DocumentNode, GraphQLError, GraphQLSchema, Source
from graphql.validation import specified_rules

from gateway.integrations import known
from gateway.integrations.arguments import named
from gateway.integrations.operations import SeenDocument, Store, store_of
from gateway.language.quick import is_certainly_valid
from gateway.language.rules import as_one

SPECIFIED = frozenset(specified_rules)
KNOWN_OPTIONS = frozenset({"allow_empty_selection_sets", "hide_suggestions", "max_errors"})
MAX_TEXTS = 1_000
MAX_TEXT_LENGTH = 32_000
MAX_LENGTH = 4_000_000
"""All texts together; a document takes some 60 bytes for each character."""


class _Documents:
    """Documents by what they were parsed of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[Any, DocumentNode] = OrderedDict()
        self._length = 0

    def lookup(self, key: Any) -> DocumentNode | None:
        found = self._found.get(key)
        if found is not None:
            with suppress(KeyError):
                self._found.move_to_end(key)
        return found

    def keep(self, key: Any, document: DocumentNode) -> DocumentNode:
        """Keep a document; the one that is kept."""
        with self._lock:
            kept = self._found.setdefault(key, document)
            if kept is document:
                self._length += len(key[0])
            while len(self._found) > MAX_TEXTS or self._length > MAX_LENGTH:
                oldest, _ = self._found.popitem(last=False)
                self._length -= len(oldest[0])
        return kept


_documents = _Documents()


def parse(source: Any, *positional: Any, **options: Any) -> DocumentNode:
    """Parse as `graphql.parse` does. The document of a text that came before is the same object: do not change it.

    Errors: GraphQLSyntaxError.
    """
    if positional:
        options |= named(graphql.parse, positional, skip=1)
    if type(source) is str:
        key: Any = (source, None, None, *sorted(options.items()))
    elif isinstance(source, Source):
        key = (source.body, source.name, source.location_offset, *sorted(options.items()))
    else:
        return graphql.parse(source, **options)
    if len(key[0]) > MAX_TEXT_LENGTH:
        return graphql.parse(source, **options)
    found = _documents.lookup(key)
    return found or _documents.keep(key, graphql.parse(source, **options))


def validate(
    schema: GraphQLSchema,
    document_ast: DocumentNode,
    rules: Collection[type[Any]] | None = None,
    *positional: Any,
    **options: Any,
) -> list[GraphQLError]:
    """Validate as `graphql.validate` does. A document that is known to be valid is not looked at again.

    Args:
        schema, document_ast: What is validated.
        rules: By default the specification's. Those that may look at more than schema and document run each time.
        positional: What graphql-core's own takes by position from there on.
        options: The same by name.

    Errors: TypeError for a schema that is not valid.
    """
    if positional:
        options |= named(graphql.validate, positional, skip=3)
    given = tuple(specified_rules if rules is None else rules)
    pure = tuple(rule for rule in given if rule in known.rules)
    if not pure:
        return graphql.validate(schema, document_ast, given, **options)
    others = tuple(rule for rule in given if rule not in known.rules)
    key = (pure, options.get("allow_empty_selection_sets"))
    store = store_of(schema)
    seen = _lookup(store, document_ast)
    if "type_info" in options or not _is_valid(store, seen, document_ast, key):
        if _is_certain(schema, document_ast, pure, options):
            errors = graphql.validate(schema, document_ast, others, **options) if others else []
        else:
            errors = graphql.validate(schema, document_ast, _together(given), **options)
        if not errors and "type_info" not in options:
            _note_valid(store, seen, document_ast, key)
        return errors
    return graphql.validate(schema, document_ast, others, **options) if others else []


def _is_certain(
    schema: GraphQLSchema, document: Any, rules: tuple[Any, ...], options: dict[str, Any]
) -> bool:
    """Whether rules of the specification find nothing, by the quick check, which takes a tenth of their time."""
    if not (SPECIFIED.issuperset(rules) and options.get("allow_empty_selection_sets", True)):
        return False
    if not KNOWN_OPTIONS.issuperset(options):
        return False
    graphql.assert_valid_schema(schema)
    return isinstance(document, DocumentNode) and is_certainly_valid(schema, document)


def _together(rules: tuple[Any, ...]) -> list[Any]:
    """Those that stand side by side as one. At each node rules report in their order: that stays."""
    found: list[Any] = []
    for is_known, group in groupby(rules, known.rules.__contains__):
        some = tuple(group)
        found += as_one(some) if is_known else some
    return found


def _is_valid(store: Store, seen: SeenDocument | None, document: DocumentNode, key: Any) -> bool:
    if seen is not None and key in seen.operations.valid_by:
        return True
    is_valid = store.is_valid(document, key)
    if is_valid:
        _note_valid(store, seen, document, key)
    return is_valid


def _note_valid(store: Store, seen: SeenDocument | None, document: DocumentNode, key: Any) -> None:
    """Keep it with what the document says; of one that came once, which has no place there yet, with itself."""
    if seen is not None:
        seen.operations.valid_by.add(key)
    elif not store.is_valid(document, key):
        store.note_valid(document, key)


def _lookup(store: Store, document: DocumentNode) -> SeenDocument | None:
    with suppress(RecursionError):
        return store.lookup(document, is_run=False)
    return None
