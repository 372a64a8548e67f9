"""Reads `gate` of targets.yaml: what must hold after a region was changed. What could never fail is refused.

Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Node,
    OperationDefinitionNode,
    parse,
)
from graphql.language import Visitor, visit

from gateway.release.model import Gate, ReleaseError


class _Bounds(NamedTuple):
    """The field of `Gate` that a key sets, and what it may be: from `least` to `most`; `strict` in production."""

    field: str
    least: float
    most: float
    strict: tuple[float, float]
    is_whole: bool = False


# Production's: pods have the time that a start takes, Prometheus has asked each pod several times before a region
# counts as healthy, one in twenty is an outage to whoever is among them, and little traffic is judged too.
_BOUNDS = {
    "readyTimeoutSeconds": _Bounds("ready_timeout_s", 0, 3600, (30, 3600)),
    "bakeSeconds": _Bounds("bake_s", 0, 86_400, (60, 86_400)),
    "intervalSeconds": _Bounds("interval_s", 0.001, 300, (1, 20)),
    "badSamplesAllowed": _Bounds("bad_samples_allowed", 0, 10, (0, 3), is_whole=True),
    "maxErrorRatio": _Bounds("max_error_ratio", 0, 0.5, (0, 0.05)),
    "maxFailedRatio": _Bounds("max_failed_ratio", 0, 0.5, (0, 0.1)),
    "maxP99Seconds": _Bounds("max_p99_s", 0.001, 60, (0.001, 10)),
    "minRequests": _Bounds("min_requests", 0, 10_000, (0, 1000)),
}
_QUERIES = "smokeQueries"
KEYS = frozenset((*_BOUNDS, _QUERIES))


def parse_gate(table: Mapping[str, Any], where: str) -> Gate:
    """A table of targets.yaml as what it means. Errors: ReleaseError naming the key and its bounds."""
    named: dict[str, Any] = {}
    for key, value in table.items():
        if key == _QUERIES:
            named["smoke_queries"] = _queries(value, where)
            continue
        bounds = _BOUNDS[key]
        if not _is_within(value, bounds):
            what = "a whole number" if bounds.is_whole else "a number"
            raise ReleaseError(
                f"{where}: gate.{key} is {what} from {bounds.least:g} to {bounds.most:g}, and not {value!r}"
            )
        named[bounds.field] = value
    return Gate(**named)


def loose_gate(gate: Gate) -> Iterator[tuple[str, str]]:
    """The keys by which a gate lets releases through that users see fail, each with what is wrong."""
    for key, bounds in _BOUNDS.items():
        value, (least, most) = getattr(gate, bounds.field), bounds.strict
        if not least <= value <= most:
            yield key, f"is {value:g}: in production it is from {least:g} to {most:g}"


def _is_within(value: Any, bounds: _Bounds) -> bool:
    kinds = int if bounds.is_whole else (int, float)
    if not isinstance(value, kinds) or isinstance(value, bool) or not math.isfinite(value):
        return False
    return bounds.least <= value <= bounds.most


def _queries(value: Any, where: str) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(query, str) and query.strip() for query in value)
    ):
        raise ReleaseError(f"{where}: smokeQueries is a list of queries, one or more")
    for query in value:
        try:
            document = parse(query)
        except GraphQLError as exc:
            raise ReleaseError(f"{where}: smokeQueries: {query!r}: {exc.message}") from None
        problem = _unfit(document)
        if problem:
            raise ReleaseError(f"{where}: smokeQueries: {query!r}: {problem}")
    return tuple(value)


def _unfit(document: DocumentNode) -> str | None:
    """Why a document is none that can be asked again and again, and answered."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(operations) != 1:
        return f"it has {len(operations)} operations, and not one"
    kind = operations[0].operation.value
    if kind != "query":
        return f"a {kind} is no question: it would be sent for as long as a release is watched"
    reached, fragments = (
        set(),
        {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)},
    )
    waiting = _spreads(operations[0])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting |= _spreads(fragments[name]) if name in fragments else set()
    if reached != set(fragments):
        names = ", ".join(sorted(reached ^ set(fragments)))
        return f"a fragment is spread and not there, or there and not spread: {names}"
    return None


def _spreads(node: Node) -> set[str]:
    finder = _SpreadFinder()
    visit(node, finder)
    return finder.names


class _SpreadFinder(Visitor):
    """Names of the fragments that a node spreads itself."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.names.add(node.name.value)


def asks_a_field(query: str) -> bool:
    """Whether a query has a field that is no part of introspection: it reaches something that is ours."""
    finder = _FieldFinder()
    visit(parse(query), finder)
    return finder.is_found


class _FieldFinder(Visitor):
    """Fields of introspection begin with two underscores, and what is below one is its own."""

    is_found = False

    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        if node.name.value.startswith("__"):
            return self.SKIP
        self.is_found = True
        return self.BREAK
