"""What JSON values a GraphQL leaf takes as they are, without a conversion, as the types of a decoder.

A Float may be an integer there, which is another text in the answer: its values are looked at one by one.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple

import msgspec
from graphql import (
    GraphQLOutputType,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
    is_specified_scalar_type,
)

KINDS: Final[dict[str, frozenset[type]]] = {
    "String": frozenset({str}),
    "ID": frozenset({str, int}),
    "Int": frozenset({int}),
    "Boolean": frozenset({bool}),
}
INT = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class LeafType(NamedTuple):
    """What JSON values a leaf may have.

    Attributes:
        kinds: Their Python types.
        is_32_bit: Whether integers have to be GraphQL's.
        is_nullable: Whether null is one, and absence.
    """

    kinds: frozenset[type]
    is_32_bit: bool
    is_nullable: bool

    def joined(self, other: LeafType) -> LeafType | None:
        """What is right for both; None when nothing is."""
        kinds = self.kinds & other.kinds
        if not kinds:
            return None
        is_nullable = self.is_nullable and other.is_nullable
        return LeafType(kinds, self.is_32_bit or other.is_32_bit, is_nullable)

    def type(self) -> Any:
        """The msgspec type."""
        made: Any = None
        for kind in sorted(self.kinds, key=lambda kind: kind.__name__):
            part: Any = INT if kind is int and self.is_32_bit else kind
            made = part if made is None else made | part
        return made | None if self.is_nullable else made


def leaf_type(kind: GraphQLOutputType) -> LeafType | None:
    """What may stand for a leaf of a GraphQL type without a conversion; None when that is not known."""
    nullable: Any = get_nullable_type(kind)
    if not is_leaf_type(nullable) or not is_specified_scalar_type(nullable):
        return None
    if nullable.name not in KINDS:
        return None
    return LeafType(KINDS[nullable.name], nullable.name == "Int", not is_non_null_type(kind))
