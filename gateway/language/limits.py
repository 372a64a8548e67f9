"""What a document may ask for: bounds that are checked before anything is validated or planned.

Two kinds. Bounds on *text* (bytes, tokens, validation) protect the parser and the validator themselves and
always hold. Bounds on the *operation* (depth, aliases, …) are counted after fragments are expanded, and can
be measured before they are enforced. Pure; it must hold on documents that are not valid yet: cycles of
fragments, unknown names, two fragments of one name.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from graphql import DocumentNode

from gateway.errors import ClientError
from gateway.language.measure import DocumentMeasures, measure_operations
from gateway.settings.kinds import Bytes, Count, CountOrZero, Ratio
from gateway.telemetry.records import members

logger = logging.getLogger("gateway.limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`[limits]`: what a document may ask for.

    Attributes:
        mode: `enforce` refuses an operation beyond `max_depth`, `max_aliases`, `max_root_fields`,
            `max_directives`, `max_selections` or `max_work`; `measure` lets it pass and logs it, to find the
            right values first. The other limits always hold.
        max_document_bytes: Size of the document's text in UTF-8. The largest operations of large Relay
            applications have 20 kB.
        max_tokens: Tokens of a document, comments included, since they cost as much
            (CVE-2026-75508). Each takes about 17 microseconds of CPU; large Relay operations have 2,000.
            Apollo Router and juniper have 15,000, GraphQL Armor 1,000.
        max_depth: Levels of fields, introspection included (CVE-2024-40094). GraphQL Armor has 6,
            usual values are 7 to 15; the introspection query of GraphiQL needs 15.
        max_aliases: Aliases after fragments are expanded (CVE-2026-47707): each is one more call of
            a resolver. Relay writes them mechanically: large operations have 45. GraphQL Armor has 15,
            Apollo Router's example 30.
        max_root_fields: Fields of the operation's root. Apollo Router's example has 20.
        max_directives: Directives after fragments are expanded (CVE-2024-47614). GraphQL Armor has 50.
        max_selections: Fields and fragments after expansion: nested fragments multiply
            (CVE-2025-32034). Apollo Router, which compiles nothing, has 10,000,000.
        max_work: What reading, validating and planning an operation may cost, in units of about a
            microsecond of CPU: 17 for each token of the document, 20 for the fields of an object type at
            one place, 45 for each of them, 110 for one with a resolver, 180 for one that a connector or a
            batch resolver gives, 10 for each argument that it may have. A fragment counts at each place where
            it is spread; a selection on an interface or union counts for each possible type, with 70 more
            for each of them. Introspection counts 4 for each object and 3 for each value that it reads,
            equal fields once; twice what the introspection query of tools reads is always allowed. A query
            that costs up to 20 times this limit, introspection aside, runs without a plan, on
            graphql-core's executor: more slowly, with the same answer. The largest Relay operations that were
            tried cost 55,000.
        max_validation_errors: Errors after which validation stops; graphql-core's default is 100.
        max_validation_work: Budget of what compares fields of one response key. Where they are plainly alike
            each counts one, as do spreads, variables and compared values: the largest Relay operations need
            1,200. Else graphql-core's rule looks, which is quadratic (CVE-2026-75507): these need 15,000 then,
            which take 10 ms of CPU. graphql-core's own budget is 500,000.
        max_variables_depth: Levels of lists and objects in variables: input objects may nest without end.
        max_list_length: Items of one list in variables. Shopify has 250 for its inputs.
        max_response_nodes: Objects and list items of one answer, counted while it is made: the work stops
            there, with MAX_RESPONSE_NODES_LIMIT in the place of the data. An object of ten fields takes
            about 1 KB and 3 µs of CPU. GitHub has 500,000.
        max_response_bytes: Size of one answer before it is compressed, or of one payload where it comes in
            several; MAX_RESPONSE_BYTES_LIMIT beyond it.
        max_variables_nodes: Values in variables, those in lists and objects included: each is looked at,
            and coerced, on the event loop. The same bounds hold for `extensions`, which are kept as long.
        plan_cpu_share: Share of one core that each worker may spend on documents without a plan, refused
            ones included, so that a flood of new documents does not slow down known ones. Each document
            is charged the CPU time that it took; up to eight seconds' worth may be spent at once. When
            half of that is used up, clients that have lately used more than an equal part are refused;
            when all of it is, every client is: with UNCACHED_DOCUMENTS_LIMIT, 429 and `Retry-After`.
            0 for no limit.
        introspection: Allow `__schema` and `__type`. When off, errors suggest no names either.
    """

    mode: Literal["measure", "enforce"] = "enforce"
    max_document_bytes: Bytes = 32_000
    max_tokens: Count = 2_500
    max_depth: Count = 20
    max_aliases: CountOrZero = 200
    max_root_fields: Count = 100
    max_directives: CountOrZero = 200
    max_selections: Count = 10_000
    max_validation_errors: Count = 5
    max_validation_work: Count = 20_000
    max_work: Count = 60_000
    max_variables_depth: Count = 32
    max_list_length: CountOrZero = 10_000
    max_variables_nodes: CountOrZero = 20_000
    max_response_nodes: Count = 500_000
    max_response_bytes: Bytes = 50_000_000
    plan_cpu_share: Ratio = 0.25
    introspection: bool = True


# (limit, what `DocumentMeasures` calls it, code, how it is said)
_OPERATION_LIMITS = (
    ("max_depth", "depth", "MAX_DEPTH_LIMIT", "The operation is {found} levels deep"),
    ("max_aliases", "aliases", "MAX_ALIASES_LIMIT", "The operation has {found} aliases"),
    (
        "max_root_fields",
        "root_fields",
        "MAX_ROOT_FIELDS_LIMIT",
        "The operation has {found} root fields",
    ),
    (
        "max_directives",
        "directives",
        "MAX_DIRECTIVES_LIMIT",
        "The operation has {found} directives",
    ),
    (
        "max_selections",
        "selections",
        "MAX_SELECTIONS_LIMIT",
        "The operation has {found} selections",
    ),
)


def check_text(text: str, limits: Limits) -> None:
    """Errors: ClientError(MAX_DOCUMENT_LIMIT) when the text is too long to be read."""
    most = limits.max_document_bytes
    if len(text) > most or (
        len(text) * 4 > most and len(text.encode(errors="surrogatepass")) > most
    ):
        raise limit_error(
            "MAX_DOCUMENT_LIMIT", f"The document is larger than limits.max_document_bytes, {most}."
        )


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Check what the operations of a document ask for. Takes time linear in the document's size.

    Errors: ClientError with the code of the first limit that is exceeded.
    """
    for name, measures in measure_operations(document):
        for code, problem in _exceeded(measures, limits):
            if limits.mode == "enforce":
                raise limit_error(code, problem)
            logger.warning(
                "the limit would refuse the operation: %s",
                problem,
                extra=members(operation_name=name, code=code),
            )


def _exceeded(measures: DocumentMeasures, limits: Limits) -> Iterator[tuple[str, str]]:
    for limit, measure, code, words in _OPERATION_LIMITS:
        found, most = getattr(measures, measure), getattr(limits, limit)
        if found > most:
            # Expanded counts can have hundreds of digits.
            shown = str(found) if found < 1_000_000_000 else "more than 1000000000"
            yield code, f"{words.format(found=shown)}; limits.{limit} is {most}."


def check_values(sent: Any, limits: Limits, what: str) -> None:
    """Check the shape of what a client sent, whatever its types. Takes time linear in its size, and ends at the limit.

    Args:
        sent: `variables` or `extensions`: both are kept for as long as the operation is under way.
        limits: What is allowed.
        what: The member's name, for the message.

    Errors: ClientError(MAX_VARIABLES_LIMIT).
    """
    left = limits.max_variables_nodes
    for items, depth in values_within(sent):
        if type(items) is list and len(items) > limits.max_list_length:
            found = f"A list of {len(items)} items is in the {what}"
            most = f"limits.max_list_length is {limits.max_list_length}."
            raise limit_error("MAX_VARIABLES_LIMIT", f"{found}; {most}")
        left -= len(items)
        if left < 0:
            most = f"limits.max_variables_nodes, {limits.max_variables_nodes}, values."
            raise limit_error("MAX_VARIABLES_LIMIT", f"The {what} have more than {most}")
        if depth > limits.max_variables_depth:
            most = f"limits.max_variables_depth, {limits.max_variables_depth}."
            raise limit_error("MAX_VARIABLES_LIMIT", f"The {what} are nested deeper than {most}")


def values_within(sent: Any) -> Iterator[tuple[Collection[Any], int]]:
    """The values of each list and object in JSON, and how many it stands in; only those that are asked for are made."""
    rest: list[tuple[Any, int]] = [(sent, 0)]
    while rest:
        value, depth = rest.pop()
        if type(value) is not dict and type(value) is not list:
            continue
        items = value.values() if type(value) is dict else value
        yield items, depth
        rest += [(item, depth + 1) for item in items if type(item) in (dict, list)]


def limit_error(code: str, message: str) -> ClientError:
    """The error of a limit: what was found, and which key decides."""
    return ClientError(message, code=code)
