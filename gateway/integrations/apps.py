"""The schema of an application, and its context, by name, for commands: `module:name`, of any of the frameworks."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from typing import Any

from graphql import DocumentNode, GraphQLSchema, validate

from gateway.errors import ConfigError, RequestError
from gateway.graph.application_context import ApplicationContextFactory
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
    found = _load(place)
    try:
        schema = known.schema_of(found)
    except TypeError as exc:
        raise ConfigError(f"{place} is no schema, but {type(found).__name__}") from exc
    for framework, module in PREPARED_BY.items():
        if framework in sys.modules:
            importlib.import_module(module).read_members(schema)
    return schema


def load_context(place: str) -> ApplicationContextFactory:
    """What makes the context of an application's resolvers.

    Args:
        place: `module:name` of a function or class, called for each run, with the gateway's context where it takes an
            argument (`headers` and `client` are the request's), or of a value.

    Errors: ConfigError, where there is none, or one that takes something else.
    """
    found = _load(place)
    if found is None:
        raise ConfigError(f"there is no {place}")
    if not callable(found):
        return lambda _context: found
    try:
        signature = inspect.signature(found)
    except ValueError:  # of a class that is none of Python
        return lambda _context: found()
    if _accepts(signature):
        return lambda _context: found()
    if _accepts(signature, None):
        factory: ApplicationContextFactory = found
        return factory
    raise ConfigError(f"{place} takes {signature}: expected nothing, or one argument, the request")


def _accepts(signature: inspect.Signature, *arguments: Any) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _load(place: str) -> Any:
    module_name, _, name = place.partition(":")
    if not name:
        raise ConfigError(f"{place!r} is no place of an object: expected MODULE:NAME")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        raise ConfigError(f"no module {exc.name!r} can be imported") from exc
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def check_valid(schema: GraphQLSchema, document: DocumentNode) -> None:
    """Validate as the frameworks do. Errors: RequestError(GRAPHQL_VALIDATION_FAILED)."""
    errors = validate(schema, document)
    if errors:
        raise RequestError(errors, "GRAPHQL_VALIDATION_FAILED")
