"""A document's text to a parsed and valid document, within the limits. Pure; it knows no request.

Errors keep the reference implementation's words.
"""

from __future__ import annotations

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    parse,
    validate,
)

from gateway.errors import RequestError
from gateway.language.limits import Limits


def load_document(text: str, schema: GraphQLSchema, limits: Limits) -> DocumentNode:
    """Parse and validate. Errors: RequestError(GRAPHQL_PARSE_FAILED | GRAPHQL_VALIDATION_FAILED)."""
    if len(text) > limits.max_document_bytes:
        error = GraphQLError(
            f"The document is larger than limits.max_document_bytes, {limits.max_document_bytes}."
        )
        raise RequestError([error], "GRAPHQL_PARSE_FAILED")
    try:
        document = parse(text, max_tokens=limits.max_tokens)
    except GraphQLSyntaxError as exc:
        raise RequestError([exc], "GRAPHQL_PARSE_FAILED") from exc
    errors = validate(schema, document, max_errors=limits.max_validation_errors)
    if errors:
        raise RequestError(errors, "GRAPHQL_VALIDATION_FAILED")
    return document
