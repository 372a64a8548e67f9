"""The schema of an application by its name, for commands: `module:name`, of any of the frameworks."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from graphql import DocumentNode, GraphQLSchema, validate

from gateway.errors import ConfigError, RequestError
from gateway.integrations import known

PREPARED_BY = {
    "strawberry": "gateway.integrations.strawberry",
    "ariadne": "gateway.integrations.ariadne",
    "graphene": "gateway.integrations.graphene",
}


def load_schema(place: str) -> GraphQLSchema:
    """A framework's schema, as its plans see it.

    Args:
        place: `module:name`; the module is looked for in the working directory too.

    Errors: ConfigError, where there is none. What the module raises is not caught.
    """
    module_name, _, name = place.partition(":")
    if not name:
        raise ConfigError(f"{place!r} is no place of a schema: expected MODULE:NAME")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        raise ConfigError(f"no module {exc.name!r} can be imported") from exc
    for part in name.split("."):
        found = getattr(found, part, None)
    try:
        schema = known.schema_of(found)
    except TypeError as exc:
        raise ConfigError(f"{place} is no schema, but {type(found).__name__}") from exc
    for framework, module in PREPARED_BY.items():
        if framework in sys.modules:
            importlib.import_module(module).read_members(schema)
    return schema


def check_valid(schema: GraphQLSchema, document: DocumentNode) -> None:
    """Validate as the frameworks do. Errors: RequestError(GRAPHQL_VALIDATION_FAILED)."""
    errors = validate(schema, document)
    if errors:
        raise RequestError(errors, "GRAPHQL_VALIDATION_FAILED")
