"""The interface of generated code: every name that it may use, beside those made for one plan.

Names made for one plan hold values of it: `F3` a bound field, `S1` a selection, `f3` a resolver, `s4` a
slow path, `h5` a reader of properties, `e6` an enum's table, `K7` the slow path of a selection's rows, `C8` a
row's class, `X9` the set of it, `O0` the observer of rows.
"""

from __future__ import annotations

from typing import Any

from gateway.execute.columns import (
    distinct,
    gather_rows,
    normalise,
    pick,
    read,
    regroup,
    wait_for_cells,
)
from gateway.execute.info import info_of_row
from gateway.execute.introspect import introspect
from gateway.execute.loads import load, load_entities
from gateway.execute.slow import share_rows, slow_row, slow_rows
from gateway.execute.spots import Failed
from gateway.execute.steps import begin_step, call_in
from gateway.execute.verbatim import encode_rows


class WrongArgumentsError(Exception):
    """Raised by generated code to leave the fast path when a property's arguments are wrong."""


EXPORTED: dict[str, Any] = {
    "Failed": Failed,
    "WrongArguments": WrongArgumentsError,
    "begin_step": begin_step,
    "call_in": call_in,
    "distinct": distinct,
    "encode_rows": encode_rows,
    "gather_rows": gather_rows,
    "info_of_row": info_of_row,
    "introspect": introspect,
    "load": load,
    "load_entities": load_entities,
    "normalise": normalise,
    "pick": pick,
    "read": read,
    "regroup": regroup,
    "share_rows": share_rows,
    "slow_row": slow_row,
    "slow_rows": slow_rows,
    "wait_for_cells": wait_for_cells,
}
