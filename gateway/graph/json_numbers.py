"""Numbers of JSON texts as Float and ID: where a field's values are read from JSON, its number's text is meant.

graphql-core refuses a Python integer that is no float exactly, and makes an ID of any whole float: right for values
that Python code computed. In a JSON text 123456789012345680000 is how JavaScript writes 1.2345678901234568e20, and
the digits of 12345678901234567890.0 are lost once it is a float. It reads no text itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from graphql import GraphQLError, GraphQLField

FROM_JSON: Final = "gateway.from_json"
"""In the extensions of a field: its values are read from JSON."""
EXACT: Final = 2**53
"""Beyond it a float may stand for several integers."""
Serialize = Callable[[Any], Any]


def json_serialize(field: GraphQLField, type_name: str, serialize: Serialize) -> Serialize | None:
    """How a leaf of a field is serialized where that is not graphql-core's way; else None."""
    make = _MADE.get(type_name)
    return make(serialize) if make is not None and field.extensions.get(FROM_JSON) else None


def _float(serialize: Serialize) -> Serialize:
    def serialize_float(value: Any) -> Any:
        if type(value) is int:
            try:
                return float(value)  # the nearest one
            except OverflowError:
                pass
        return serialize(value)

    return serialize_float


def _id(serialize: Serialize) -> Serialize:
    def serialize_id(value: Any) -> Any:
        if type(value) is float and not -EXACT <= value <= EXACT:
            raise GraphQLError(f"ID cannot represent value: {value!r} (its digits are not known)")
        return serialize(value)

    return serialize_id


_MADE: dict[str, Callable[[Serialize], Serialize]] = {"Float": _float, "ID": _id}
