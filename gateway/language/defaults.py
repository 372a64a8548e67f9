"""Defaults of arguments and of fields of input types."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLArgument, GraphQLInputField, Undefined


def default_of(place: GraphQLArgument | GraphQLInputField) -> Any:
    """What stands in a place that is left out, or Undefined: a value, or (graphql-core 3.3) the SDL's literal."""
    default = getattr(place, "default", None)
    return place.default_value if default is None else default


def has_default(place: GraphQLArgument | GraphQLInputField) -> bool:
    """Whether something stands there."""
    return default_of(place) is not Undefined
