"""Fields that the client may not see, as a plan has them: null without a call, and no error of their own.

Where null may not stand it propagates as an error does. What was denied is told once for the whole operation, not at
each of its places: `gateway/execute/denials.py`.
"""

from __future__ import annotations

from typing import Any, NoReturn

from gateway.client.vary import VARY_NONE
from gateway.errors import ClientError
from gateway.graph.resolvers import FieldResolver


class DeniedFieldError(Exception):
    """Nulls what may not hold null; it is told to nobody."""


CODE = "UNAUTHORIZED_FIELD_OR_TYPE"
MESSAGE = "Unauthorized field or type"


def cannot_filter() -> ClientError:
    """The answer to an operation of which something is denied, and which runs as a whole or not at all."""
    return ClientError(
        f"{MESSAGE}, and the operation cannot be answered without it. Ask for less.", code=CODE
    )


def _null(_parent: Any, _context: Any) -> None:
    return None


def _deny(_parent: Any, _context: Any) -> NoReturn:
    raise DeniedFieldError


NULL = FieldResolver(_null, "", False, False, VARY_NONE, VARY_NONE)
DENY = FieldResolver(_deny, "", False, False, VARY_NONE, VARY_NONE)
