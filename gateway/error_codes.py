"""The table of codes: what may reach a client as `extensions.code`, with which status, and whose fault it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One value of `extensions.code`.

    Args:
        name: As it stands in the answer.
        http_status: Under `application/graphql-response+json` when it ends the whole request; None
            for an error of a field, which never decides the status.
        message: What is sent where the error has no message of its own.
        todo: What the reader of the error can do about it.
    """

    name: str
    http_status: int | None
    message: str
    todo: str


CODES: dict[str, ErrorCode] = {
    code.name: code
    for code in (
        ErrorCode("BAD_REQUEST", 400, "Bad request.", "Send a JSON object with a `query` string."),
        ErrorCode("GRAPHQL_PARSE_FAILED", 400, "Syntax error.", "Fix the document at the reported location."),
        ErrorCode("GRAPHQL_VALIDATION_FAILED", 400, "Invalid document.", "Fix the document at the reported location."),
        ErrorCode("MAX_DOCUMENT_LIMIT", 400, "The document is too large.", "Send a smaller document, or ask the operator to raise limits.max_document_bytes."),
        ErrorCode("MAX_TOKENS_LIMIT", 400, "The document has too many tokens.", "Send a smaller document, or ask the operator to raise limits.max_tokens."),
        ErrorCode("MAX_DEPTH_LIMIT", 400, "The operation is too deep.", "Select fewer levels, or ask the operator to raise limits.max_depth."),
        ErrorCode("MAX_ALIASES_LIMIT", 400, "The operation has too many aliases.", "Use fewer aliases, or ask the operator to raise limits.max_aliases."),
        ErrorCode("MAX_ROOT_FIELDS_LIMIT", 400, "The operation has too many root fields.", "Send several operations, or ask the operator to raise limits.max_root_fields."),
        ErrorCode("MAX_DIRECTIVES_LIMIT", 400, "The operation has too many directives.", "Use fewer directives, or ask the operator to raise limits.max_directives."),
        ErrorCode("MAX_SELECTIONS_LIMIT", 400, "The operation has too many selections.", "Select fewer fields (a fragment counts at each spread), or ask the operator to raise limits.max_selections."),
        ErrorCode("MAX_WORK_LIMIT", 400, "The operation is too costly to plan.", "Use fragments in fewer places, request fewer types of an interface or union, or ask the operator to raise limits.max_work."),
        ErrorCode("MAX_VALIDATION_LIMIT", 400, "The document is too costly to validate.", "Select fewer fields under the same response name, or ask the operator to raise limits.max_validation_work."),
        ErrorCode("MAX_VARIABLES_LIMIT", 400, "The variables are too large.", "Send shorter lists and fewer levels, or ask the operator to raise the limit that is named."),
        ErrorCode("COST_ESTIMATED_TOO_EXPENSIVE", 400, "The operation costs too much.", "Request shorter lists or fewer levels, or ask the operator to raise cost.max; the extensions say what it costs and what it may cost."),
        ErrorCode("COST_INVALID_SLICING_ARGUMENTS", 400, "Exactly one slicing argument is required.", "Send exactly one of the arguments that say how long the list is, `first` or `last`."),
        ErrorCode("RATE_LIMIT_EXCEEDED", 429, "Too many requests.", "Send less often, or operations that cost less; retry after the time in Retry-After, or ask the operator to raise the quota that is named."),
        ErrorCode("UNCACHED_DOCUMENTS_LIMIT", 429, "Too many new documents.", "Use variables instead of literal values, send documents by id, retry after the time in Retry-After, or ask the operator to raise limits.plan_cpu_share."),
        ErrorCode("INTROSPECTION_DISABLED", 400, "Introspection is not allowed.", "Ask the operator for the schema, or to set limits.introspection."),
        ErrorCode("BAD_USER_INPUT", 400, "Bad input.", "Fix the variable or argument that the message names."),
        ErrorCode("OPERATION_RESOLUTION_FAILURE", 400, "Unknown operation.", "Send the name of one operation in the document as `operationName`."),
        ErrorCode("UNAUTHENTICATED", 401, "Authentication is required.", "Send a valid token or API key; the message says what is wrong with the one that was sent."),
        ErrorCode("UNAUTHORIZED_FIELD_OR_TYPE", 403, "Unauthorized field or type", "Request fewer fields, or authenticate with the scopes that they need; the path names what was removed."),
        ErrorCode("CSRF_ERROR", 400, "The request may come from another site's page.", "Send a POST of application/json, or one of csrf.required_headers."),
        ErrorCode("PERSISTED_QUERY_NOT_FOUND", 400, "PersistedQueryNotFound", "Send the document's text with its hash; clients that implement the protocol do so by themselves."),
        ErrorCode("PERSISTED_QUERY_NOT_SUPPORTED", 400, "PersistedQueryNotSupported", "Send the document's text, without `persistedQuery`."),
        ErrorCode("PERSISTED_QUERY_HASH_MISMATCH", 400, "The document's text does not match its id.", "Send the SHA-256 of the exact text, in hexadecimal digits."),
        ErrorCode("PERSISTED_QUERY_ID_REQUIRED", 400, "Only documents in the manifest are executed.", "Send `documentId`; add the document to the manifest."),
        ErrorCode("BATCHING_NOT_ENABLED", 400, "Batches are not accepted.", "Send one operation in each request, or ask the operator for batching.enabled."),
        ErrorCode("BATCH_LIMIT_EXCEEDED", 400, "The batch has too many operations.", "Send fewer operations in one request, or ask the operator to raise batching.max_operations."),
        ErrorCode("REQUEST_HEADERS_TOO_LARGE", 431, "The request's headers are too large.", "Send a smaller URL and fewer headers; POST for a long query."),
        ErrorCode("REQUEST_TIMEOUT", 408, "The request did not arrive in time.", "Send it faster, or ask the operator to raise server.header_timeout_s or server.body_timeout_s."),
        ErrorCode("METHOD_NOT_ALLOWED", 405, "Method not allowed.", "Use POST; GET is for queries."),
        ErrorCode("NOT_ACCEPTABLE", 406, "Not acceptable.", "Accept application/graphql-response+json or application/json."),
        ErrorCode("STREAM_NOT_FOUND", 404, "There is no such event stream.", "Reserve a stream with PUT and open it in time; all requests of a stream must reach the same worker."),
        ErrorCode("STREAM_CONFLICT", 409, "The event stream or the operation id is in use.", "Use another operation id, or reserve another stream."),
        ErrorCode("REQUEST_TOO_LARGE", 413, "Request too large.", "Send less, or ask the operator to raise the limit that is named."),
        ErrorCode("UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported media type.", "Send application/json in UTF-8."),
        ErrorCode("INTERNAL_SERVER_ERROR", 500, "Internal server error", "Give the operator the error id."),
        ErrorCode("UNAVAILABLE", 503, "Service unavailable.", "Retry after the time in Retry-After."),
        ErrorCode("TOO_MANY_OPERATIONS", 429, "Too many operations on one connection.", "End some operations, or ask the operator to raise subscription.max_operations_per_connection."),
        ErrorCode("MAX_RESPONSE_NODES_LIMIT", None, "The result has too many objects.", "Request fewer objects, by shorter lists or fewer levels, or ask the operator to raise limits.max_response_nodes."),
        ErrorCode("MAX_RESPONSE_BYTES_LIMIT", None, "The response is too large.", "Request fewer objects or fields, or ask the operator to raise limits.max_response_bytes."),
        ErrorCode("RESULT_COERCION_FAILED", None, "A value does not have the field's type.", "Give the operator the error id, if there is one: a backend or resolver returned a value that does not fit the field's type, or null for a non-null field. The log has the value."),
        ErrorCode("TOO_MANY_ERRORS", None, "There are more errors than are shown.", "Fix the errors that are shown, request fewer objects, or ask the operator to raise errors.max_errors."),
        ErrorCode("SUBSCRIPTION_SCHEMA_RELOAD", None, "The schema has changed, and this subscription ends.", "The message says why. Subscribe again, with another operation where it is not valid any more."),
        ErrorCode("EVENTS_LOST", None, "Events of the subscription were lost, and it was ended.", "Subscribe again and load what the subscription is about: the server that carries events was away."),
        ErrorCode("SLOW_CONSUMER", None, "The subscription fell behind and was ended.", "Subscribe again and read faster, or ask the operator to raise pubsub.max_queue."),
        ErrorCode("HTTP_CLIENT_ERROR", None, "The source could not be reached.", "Check the source's health."),
        ErrorCode("GATEWAY_TIMEOUT", None, "The source did not answer in time.", "Check the source's latency, or raise its timeout_s. With status 504 and without data it is the request's own time that was up: traffic_shaping.router.timeout_s."),
        ErrorCode("CONNECTOR_FETCH", None, "Request failed", "Check the status in extensions.http.status."),
        ErrorCode("CONNECTOR_RESPONSE_INVALID", None, "The server returned data in an unexpected format.", "See the gateway's log for the first bytes of the response."),
        ErrorCode("RESPONSE_TOO_LARGE", None, "The source's answer is too large.", "Request less data, or raise the source's max_response_size_bytes or max_response_values; the gateway's log says which."),
        ErrorCode("INVALID_PATH_SEGMENT", None, "A value is not allowed in the source's URL.", "Do not send `.` or `..` as an id."),
        ErrorCode("INVALID_REQUEST_VALUE", None, "A value cannot be written into the request to the source.", "Send another value: no control characters or emoji in a header, no list or object where the source takes a single text. The gateway's log names the part of the request."),
        ErrorCode("REQUEST_LIMIT_EXCEEDED", None, "Too many requests to one source.", "Batch the connector, or raise connectors.max_requests_per_operation_per_source."),
        ErrorCode("SUBGRAPH_COST_ESTIMATED_TOO_EXPENSIVE", None, "The operation costs the source too much.", "Request shorter lists or fewer fields of this source, or ask the operator to raise cost.sources.NAME.max."),
        ErrorCode("CIRCUIT_BREAKER_OPEN", None, "The source is failing; calls to it are paused.", "Check the source's health; the circuit breaker closes by itself."),
        ErrorCode("UPSTREAM_OVERLOADED", None, "The source is overloaded.", "Retry; check the source's concurrency limit."),
    )
}  # fmt: skip


Fault = Literal["client", "source", "gateway"]


GATEWAY_FAULTS = frozenset({
    "INTERNAL_SERVER_ERROR", "UNAVAILABLE", "RESULT_COERCION_FAILED", "GRAPHQL_EXECUTION_FAILED", "EVENTS_LOST",
})  # fmt: skip


SOURCE_FAULTS = frozenset({
    "HTTP_CLIENT_ERROR", "GATEWAY_TIMEOUT", "CONNECTOR_FETCH", "CONNECTOR_RESPONSE_INVALID",
    "RESPONSE_TOO_LARGE", "CIRCUIT_BREAKER_OPEN", "UPSTREAM_OVERLOADED",
})  # fmt: skip


def fault_of(code: str, extensions: Mapping[str, Any]) -> Fault:
    """Whose fault an error is, by its code: what alerts and releases count, and what they leave to the client.

    A code that is not in the table was chosen by a resolver's author, or sent by a backend that answered: the
    client's, unless the backend answered it with a status of 500 or more.
    """
    if code in GATEWAY_FAULTS:
        return "gateway"
    if code in SOURCE_FAULTS:
        return "source"
    http = extensions.get("http")
    status = http.get("status") if isinstance(http, Mapping) else None
    return "source" if isinstance(status, int) and status >= 500 else "client"
