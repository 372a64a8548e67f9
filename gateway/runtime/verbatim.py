"""Rows that are the response as they stand: decoded structs that are encoded without a dict for each.

It decides by the class of the rows and the selection alone; what it promises holds for every row of the class.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from types import GeneratorType, NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
import orjson
from graphql import GraphQLField

from gateway.graph.loader import DecodedRow
from gateway.plan.nodes import Check, Kind
from gateway.runtime.bound import BoundField, BoundLeaf, BoundList, BoundOutput, BoundSelection
from gateway.runtime.bounds import PIECE, bytes_error
from gateway.runtime.pauses import pieces
from gateway.runtime.state import Run
from gateway.runtime.works import Work

PLAIN_LEAVES = frozenset({Check.STRING, Check.INT, Check.FLOAT, Check.BOOLEAN, Check.ID})


def is_verbatim(selection: BoundSelection, row_class: type) -> bool:
    """Whether rows of a class, encoded, are what the selection asks for.

    Its members are the response keys, in their order, with values that need no completion; objects that
    are completed apart are put in their place first.
    """
    if not issubclass(row_class, DecodedRow) or selection.plan.is_kept:
        return False
    names, keys = row_class.__struct_fields__, row_class.__struct_encode_fields__
    types = row_class.__annotations__  # as they are: `structs.fields` would look for names in them
    return len(names) == len(selection.fields) and all(
        key == field.key
        and name == field.access
        and field.plan.kind is Kind.PROPERTY
        and (
            _is_plain(field.output) if field.is_regrouped else _fits(field, types[name], row_class)
        )
        for name, key, field in zip(names, keys, selection.fields, strict=True)
    )


def _fits(field: BoundField, type_: Any, row_class: type[DecodedRow]) -> bool:
    definition: GraphQLField = field.definition
    if isinstance(field.output, BoundLeaf):
        is_promised = row_class.__exact__.get(field.access) == str(definition.type)
        return is_promised and field.output.plan.check is not Check.ID
    output: BoundOutput = field.output
    while True:
        if output.non_null:
            return False  # a null in it has to be found
        parts = [part for part in _parts(type_) if part is not NoneType]
        if len(parts) != 1:
            return False
        (type_,) = parts
        if not isinstance(output, BoundList):
            break
        if get_origin(type_) is not list:
            return False
        (type_,), output = get_args(type_), output.item
    return (
        not isinstance(output, BoundLeaf)
        and output.only is not None
        and isinstance(type_, type)
        and is_verbatim(output.only, type_)
    )


def _parts(type_: Any) -> Sequence[Any]:
    return get_args(type_) if get_origin(type_) in (Union, UnionType) else (type_,)


def _is_plain(output: BoundOutput) -> bool:
    """Whether all leaves below are of types whose values both encoders write alike."""
    while isinstance(output, BoundList):
        output = output.item
    if isinstance(output, BoundLeaf):
        return output.plan.check in PLAIN_LEAVES
    return all(
        field.plan.kind is Kind.TYPENAME or _is_plain(field.output)
        for selection in output.by_type.values()
        for field in selection.fields
    )


Encoding = Generator[list[Work], None, orjson.Fragment | None]


def encode_column(
    run: Run, field: BoundField, column: list[Any], classes: frozenset[type]
) -> Generator[list[Work], None, list[orjson.Fragment | None]]:
    """Each value of a column as JSON; None where it is not just rows of these classes."""
    encoded: list[orjson.Fragment | None] = []
    for value in column:
        made: Any = None
        if type(field.output) is not BoundList:
            made = encode_rows(run, value) if type(value) in classes else None
        elif type(value) is list and classes.issuperset(map(type, value)):
            run.take(len(value))
            made = encode_rows(run, value)
            if type(made) is GeneratorType:
                made = yield from made
            if made is None:
                run.take(-len(value))  # they are counted where they are completed
        if run.tally is not None and made is not None:
            run.tally.encoded(field, value)
        encoded.append(made)
    return encoded


def encode_rows(run: Run, rows: Any) -> orjson.Fragment | Encoding | None:
    """Rows as JSON; None where they cannot be written. Many are encoded in pieces, by a generator."""
    if type(rows) is list and len(rows) > PIECE:
        return _encode_many(run, rows)
    try:
        return orjson.Fragment(msgspec.json.encode(rows))
    except (ValueError, TypeError):  # half a surrogate pair, and what no struct of ours holds
        return None


def _encode_many(run: Run, rows: list[Any]) -> Encoding:
    parts, left = [], run.limits.max_bytes
    for (piece,) in pieces(run, rows):
        try:
            part = msgspec.json.encode(piece)[1:-1]
        except (ValueError, TypeError):
            return None
        left -= len(part)
        if left < 0:
            raise bytes_error(run.limits)
        parts.append(part)
        if run.works:
            yield run.works
    return orjson.Fragment(b"[" + b",".join(parts) + b"]")


def encode_struct(value: Any) -> Any:
    """A decoded struct in a result, written by the library that made it."""
    if isinstance(value, msgspec.Struct):
        return orjson.Fragment(msgspec.json.encode(value))
    raise TypeError(f"{type(value).__name__} is no JSON")
