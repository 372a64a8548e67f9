"""A document's text to a parsed and valid document, within the limits. Pure; it knows no request."""

from __future__ import annotations

from graphql import DocumentNode, GraphQLSchema

from gateway.language.limits import Limits, check_document
from gateway.language.parse import parse_document
from gateway.language.validate import validate_document
from gateway.telemetry.trace import TimedPhase


def load_document(text: str, schema: GraphQLSchema, limits: Limits) -> DocumentNode:
    """Parse, check the limits, validate: the cheap refusals first.

    Errors: ClientError of a limit; RequestError(GRAPHQL_PARSE_FAILED | GRAPHQL_VALIDATION_FAILED).
    """
    with TimedPhase("parse"):
        document = parse_document(text, limits)
        check_document(document, limits)
    with TimedPhase("validate"):
        validate_document(schema, document, text, limits)
    return document
