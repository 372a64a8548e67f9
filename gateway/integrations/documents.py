"""graphql-core's `parse` and `validate`, which remember what they said of a text that comes again.

What is remembered depends on nothing but the arguments: a document belongs to its text and the options of the
parser, its validity to a schema and rules that are known to look at nothing else. Errors are found anew each time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import graphql
from graphql import DocumentNode, GraphQLError, GraphQLSchema, Source
from graphql.validation import specified_rules

from gateway.integrations import known
from gateway.integrations.arguments import named
from gateway.integrations.operations import SeenDocument, store_of

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
    seen = _seen(schema, document_ast) if "type_info" not in options else None
    key = (pure, options.get("allow_empty_selection_sets"))
    if seen is not None and pure and key in seen.operations.valid_by:
        others = [rule for rule in given if rule not in known.rules]
        return graphql.validate(schema, document_ast, others, **options) if others else []
    errors = graphql.validate(schema, document_ast, rules, **options)
    if seen is not None and not errors:
        seen.operations.valid_by.add(key)
    return errors


def _seen(schema: GraphQLSchema, document: DocumentNode) -> SeenDocument | None:
    with suppress(RecursionError):
        return store_of(schema).lookup(document, is_run=False)
    return None
