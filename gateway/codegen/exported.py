"""The interface of generated code: every name that it may use, beside those made for one plan.

Names made for one plan hold values of it: `F3` a bound field, `S1` a selection, `s4` a
slow path, `h5` a reader of properties, `e6` an enum's table, `K7` the slow path of a selection's rows, `C8` a
row's class, `X9` the set of it, `O0` the observer of rows.
"""

from __future__ import annotations

from types import GeneratorType
from typing import Any

from gateway.runtime.calls import MANY, call_many, call_rows
from gateway.runtime.columns import (
    counted,
    distinct,
    gather_rows,
    normalise,
    pick,
    read,
    regroup,
)
from gateway.runtime.introspect import introspect
from gateway.runtime.loads import load, load_entities
from gateway.runtime.pauses import pieces, reached
from gateway.runtime.slow import share_rows, slow_row, slow_rows
from gateway.runtime.verbatim import encode_rows


class WrongArgumentsError(Exception):
    """Raised by generated code to leave the fast path when a property's arguments are wrong."""


EXPORTED: dict[str, Any] = {
    "Generator": GeneratorType,
    "MANY": MANY,
    "WrongArguments": WrongArgumentsError,
    "call_many": call_many,
    "call_rows": call_rows,
    "counted": counted,
    "distinct": distinct,
    "encode_rows": encode_rows,
    "gather_rows": gather_rows,
    "introspect": introspect,
    "load": load,
    "load_entities": load_entities,
    "normalise": normalise,
    "pick": pick,
    "pieces": pieces,
    "reached": reached,
    "read": read,
    "regroup": regroup,
    "share_rows": share_rows,
    "slow_row": slow_row,
    "slow_rows": slow_rows,
}
