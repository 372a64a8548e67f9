"""How the answers of one connector are decoded for what an operation asks for, and when they are mapped instead.

A decoder that cannot take an answer is no error of anybody's: the answer is read and mapped, which gives the same
values, and that is counted. It asks no backend.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final

from graphql import GraphQLOutputType

from gateway.connectors.mapping.analyse import PlainShape
from gateway.connectors.response.typed import NotPlainError, TypedDecoder, typed_decoder
from gateway.graph.field_tree import FieldTree
from gateway.json_bytes import UNREADABLE
from gateway.telemetry.catalogue import DECODE_FALLBACKS
from gateway.telemetry.metrics import Sample
from gateway.telemetry.records import members

logger = logging.getLogger("gateway.connectors")

MAX_DECODINGS: Final = 500
"""Of one connector; a class and a decoder each."""
fallbacks: Counter[tuple[str, str]] = Counter()
"""Answers that a decoder did not take, by source and reason: "type" (a leaf of another type than its scalar's, decoded
without that), "shape" (mapped), "error" (a generated decoder broke; mapped)."""


def decode_fallback_samples() -> Iterator[Sample]:
    """The same, for metrics."""
    for labels, count in fallbacks.items():
        yield DECODE_FALLBACKS, labels, count


@dataclass(slots=True)
class RowDecoding:
    """The decoders for one tree of fields.

    Attributes:
        source: The source's name.
        name: Of the connector.
        exact: Asks every leaf for its scalar's own type; None once an answer had another.
        typed: The same for leaves of any type; None where answers are mapped.
        why: Why they are mapped, the last time or always; for people.
        mapped: How many answers `typed` did not take.
    """

    source: str
    name: str
    exact: TypedDecoder | None = None
    typed: TypedDecoder | None = None
    why: str = ""
    mapped: int = 0
    _has_told: bool = field(default=False, repr=False)

    def rows(self, body: bytes) -> object:
        """An answer's rows; `...` where it has another shape, or is no JSON: the mapping says which."""
        if self.typed is None:
            return ...
        exact = self.exact
        if exact is not None:
            try:
                return exact.decode(body)
            except Exception:  # noqa: S110 - `typed` says what it is
                pass
        try:
            rows = self.typed.decode(body)
        except UNREADABLE as exc:
            self._note("shape", exc)
            return ...
        except Exception as exc:
            self._note("error", exc)
            if not self._has_told:
                self._has_told = True
                logger.exception(
                    "the generated decoder of %s failed; responses are mapped instead",
                    self.name,
                    extra=members(source=self.source),
                )
            return ...
        if exact is not None:
            # A backend that once sent "42" for 42 will again: one decoding is cheaper than two.
            self.exact = None
            fallbacks[self.source, "type"] += 1
        return rows

    def _note(self, reason: str, exc: Exception) -> None:
        fallbacks[self.source, reason] += 1
        self.mapped += 1
        self.why = f"{type(exc).__name__}: {exc}"

    def describe(self) -> str:
        """How answers are read, for people."""
        if self.typed is None:
            return f"mapped: {self.why}"
        if self.mapped:
            return f"decoded; mapped {self.mapped} times, last for {self.why}"
        return "decoded" if self.exact is not None else "decoded, leaves of any type"


class Decodings:
    """The decodings of one connector by what is wanted, for all operations: plans come and go.

    Args:
        source: The source's name.
        name: Of the connector.
        shape: Of its mapping; None for one that does more than take values from places.
        kind: The GraphQL type of what the mapping makes.
        why: Why answers are mapped, where there is no shape.
    """

    def __init__(
        self,
        source: str,
        name: str,
        shape: PlainShape | None,
        kind: GraphQLOutputType,
        why: str = "",
    ) -> None:
        self._source, self._name = source, name
        self._shape, self._kind = shape, kind
        self.mapped = RowDecoding(
            source, name, why=why or "a resolver gets the whole object, and may read any member"
        )
        self._known: dict[Hashable, RowDecoding] = {}

    @property
    def path(self) -> tuple[str, ...] | None:
        """From the top of an answer to its rows; None where answers are always mapped."""
        return None if self._shape is None else self._shape.path

    def of(self, wanted: FieldTree) -> RowDecoding:
        """The decoding for what an operation reads."""
        if self._shape is None:
            return self.mapped
        key = wanted
        made = self._known.get(key)
        if made is None:
            if len(self._known) >= MAX_DECODINGS:
                del self._known[next(iter(self._known))]
            made = self._known[key] = self._make(self._shape, wanted)
        return made

    def _make(self, shape: PlainShape, wanted: FieldTree) -> RowDecoding:
        made = RowDecoding(self._source, self._name)
        try:
            made.exact = typed_decoder(shape, self._kind, wanted, is_exact=True, name=self._name)
            made.typed = typed_decoder(shape, self._kind, wanted, name=self._name)
        except NotPlainError as exc:
            made.exact = None
            made.why = str(exc)
        return made
