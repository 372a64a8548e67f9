"""What of an operation was denied: which fields, where they stand, and how a client is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import ExecutionResult, GraphQLError

from gateway.auth.settings import DirectiveSettings
from gateway.errors import ClientError
from gateway.execute.prepared import Prepared
from gateway.plan.collect import CannotCompileError
from gateway.plan.passes.authorize import Denied, find_denied, is_all_denied, place_of_rows
from gateway.runtime.denied import CODE, MESSAGE, cannot_filter
from gateway.runtime.request import Variables

# As many as a plan has variants.
MOST_KEPT = 64


class Denials:
    """What is denied of one operation with its variables.

    Attributes:
        places: Where.
        is_all: Whether nothing is left to be answered.
    """

    __slots__ = ("is_all", "places")

    def __init__(self, places: Sequence[Denied], is_all: bool) -> None:
        self.places = places
        self.is_all = is_all

    @property
    def coordinates(self) -> list[str]:
        """The fields and types, each once."""
        return list(dict.fromkeys(denied.coordinate for denied in self.places))


def denials_of(prepared: Prepared, variables: Variables) -> Denials:
    """What is denied; found once for each plan.

    Errors: ClientError(UNAUTHORIZED_FIELD_OR_TYPE) for an operation that cannot be answered in part.
    """
    try:
        if prepared.is_incremental:
            parts = prepared.incremental_code(variables.coerced)
            initial, deferred = parts.initial, parts.deferred
        else:
            initial, deferred = prepared.code(variables.coerced), ()
    except CannotCompileError as exc:
        raise cannot_filter() from exc
    known = prepared.denials.get(initial)
    if known is None:
        first = initial.bound.plan
        plans = [
            (first, ()),
            *((p.code.bound.plan, place_of_rows(first, p.selection)) for p in deferred),
        ]
        places = tuple(place for plan, at in plans for place in find_denied(plan, at))
        known = Denials(places, is_all_denied(plan for plan, _ in plans))
        if len(prepared.denials) >= MOST_KEPT:
            prepared.denials.clear()
        prepared.denials[initial] = known
    assert isinstance(known, Denials)
    return known


def told_errors(denials: Denials) -> list[GraphQLError]:
    """One error for each place."""
    error = ClientError(MESSAGE, code=CODE)
    return [
        GraphQLError(MESSAGE, path=list(place.path), original_error=error)
        for place in denials.places
    ]


def told_extension(denials: Denials) -> dict[str, Any]:
    """The same for `extensions`."""
    errors = [
        {"message": MESSAGE, "path": list(place.path), "extensions": {"code": CODE}}
        for place in denials.places
    ]
    return {"authorizationErrors": errors}


def tell_denials(
    result: ExecutionResult, denials: Denials, settings: DirectiveSettings
) -> ExecutionResult:
    """Put into a result what was taken away of it."""
    if settings.errors == "errors" and not settings.dry_run:
        result.errors = [*told_errors(denials), *(result.errors or ())]
    elif settings.errors != "disabled":
        result.extensions = {**(result.extensions or {}), **told_extension(denials)}
    return result
