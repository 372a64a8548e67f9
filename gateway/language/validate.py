"""Validation within a budget. The rules, their order and their words are the reference's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    SelectionSetNode,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged as overlapping

import gateway.language.messages  # noqa: F401 - errors suggest names by it
from gateway.errors import ClientError, RequestError
from gateway.language.limits import Limits, limit_error
from gateway.language.quick import is_certainly_valid
from gateway.language.rules import Keys, rules_for

ABORTED = "Validation aborted."
reference: Any = import_module("graphql.validation.validate")  # a function has the module's name


def validate_document(
    schema: GraphQLSchema, document: DocumentNode, text: str, limits: Limits
) -> None:
    """Validate a document; `text` is what it was parsed of.

    Errors: ClientError(MAX_VALIDATION_LIMIT) when the budget is used up, else
        RequestError(GRAPHQL_VALIDATION_FAILED) with at most `max_validation_errors` errors and one
        that says that there are more.
    """
    hides = not limits.introspection
    if hides:
        check_introspection(document)
    if is_certainly_valid(schema, document, limits.max_validation_work):
        return
    rules = rules_for("$" in text, "@" in text)
    with reference_settings(limits.max_validation_work, rules[0].keys):
        errors = validate(
            schema,
            document,
            rules,
            max_errors=limits.max_validation_errors,
            hide_suggestions=hides,
        )
    if any(error.message == ABORTED for error in errors):
        raise limit_error(
            "MAX_VALIDATION_LIMIT",
            "The document is too costly to validate: ask for fewer fields under one name, and "
            "nest fragments less.",
        )
    if errors:
        raise RequestError([_without_python(e) for e in errors], "GRAPHQL_VALIDATION_FAILED")


def check_introspection(document: DocumentNode) -> None:
    """Errors: ClientError(INTROSPECTION_DISABLED) where the document asks for the schema."""
    rest: list[SelectionSetNode | None] = [
        getattr(definition, "selection_set", None) for definition in document.definitions
    ]
    while rest:
        selections = rest.pop()
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode) and node.name.value in ("__schema", "__type"):
                raise ClientError(
                    f"Introspection is not allowed: {node.name.value}.",
                    code="INTROSPECTION_DISABLED",
                )
            rest.append(getattr(node, "selection_set", None))


def _without_python(error: GraphQLError) -> GraphQLError:
    """An error of the document's, where Python itself refused to read an integer of 4,300 digits."""
    if str(error.original_error).startswith("Exceeds the limit"):
        return GraphQLError("A number has too many digits.", error.nodes)
    return error


@contextmanager
def reference_settings(units: int, keys: Keys) -> Iterator[None]:
    """graphql-core takes its budget, and what it walks of a node, from attributes of its own modules."""
    before = overlapping.MAX_COMPLEXITY_BUDGET, reference.query_document_keys_to_validate
    overlapping.MAX_COMPLEXITY_BUDGET = units
    reference.query_document_keys_to_validate = keys
    try:
        yield
    finally:
        overlapping.MAX_COMPLEXITY_BUDGET, reference.query_document_keys_to_validate = before
