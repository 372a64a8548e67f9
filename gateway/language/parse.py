"""Text to syntax tree, within the limits of text."""

from __future__ import annotations

from graphql import DocumentNode, GraphQLSyntaxError, parse, version_info

from gateway.errors import RequestError
from gateway.language.limits import Limits, check_text, limit_error
from gateway.language.quick.parse import parse_plain


def parse_document(text: str, limits: Limits) -> DocumentNode:
    """Parse a document.

    Errors: ClientError of a limit; RequestError(GRAPHQL_PARSE_FAILED) with the reference's words.
    """
    check_text(text, limits)
    plain = parse_plain(text, limits.max_tokens) if version_info >= (3, 3) else None
    if plain is not None:
        return plain
    try:
        # Not `max_lexical_tokens`: that does not count comments.
        document = parse(text, max_tokens=limits.max_tokens)
    except GraphQLSyntaxError as error:
        if error.message.endswith(f"more than {limits.max_tokens} tokens. Parsing aborted."):
            message = f"The document has more than {limits.max_tokens} tokens (limits.max_tokens)."
            raise limit_error("MAX_TOKENS_LIMIT", message) from error
        raise RequestError([error], "GRAPHQL_PARSE_FAILED") from error
    # Nobody asks a token for the one before it, and two that know each other are freed by a full collection alone.
    token = document.loc.start_token if document.loc else None
    while token is not None:
        token.prev, token = None, token.next
    return document
