"""The interface of generated code: every name that it may use, beside those made for one plan.

Names made for one plan hold values of it: `field_3` a bound field, `selection_1` a selection, `shape_1` what completes
its rows, `classes_1` the class of these, as a set. Names made for one shape say what is below it: `shape_User` one
object, `rows_Post` a list of them, `choose_Node` an object of an abstract type.
"""

from __future__ import annotations

from types import GeneratorType
from typing import Any

from gateway.runtime.calls import MANY, call_many, call_rows
from gateway.runtime.columns import counted, distinct, gather_rows, normalize, pick
from gateway.runtime.introspect import introspect
from gateway.runtime.loads import load, load_entities
from gateway.runtime.properties import read_column
from gateway.runtime.regroup import regroup
from gateway.runtime.shapes import shape_rows, shape_shared
from gateway.runtime.slow import slow_row
from gateway.runtime.verbatim import encode_column, encode_rows

RUN_MEMBERS = frozenset({"kept", "kinds", "parents", "pending", "root", "works"})
"""What generated code reads of the `Run` that is its argument."""

PART_NAMES: dict[str, Any] = {
    "Generator": GeneratorType,
    "MANY": MANY,
    "call_many": call_many,
    "call_rows": call_rows,
    "distinct": distinct,
    "encode_column": encode_column,
    "encode_rows": encode_rows,
    "gather_rows": gather_rows,
    "introspect": introspect,
    "load": load,
    "load_entities": load_entities,
    "normalize": normalize,
    "pick": pick,
    "read_column": read_column,
    "regroup": regroup,
    "shape_rows": shape_rows,
    "shape_shared": shape_shared,
}
"""What the functions that fetch may use."""

SHAPE_NAMES: dict[str, Any] = {"counted": counted, "slow_row": slow_row}
"""What the functions that complete objects may use."""
