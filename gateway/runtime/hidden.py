"""What is said of an object whose type the client does not see: never the type's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphql import FieldNode, GraphQLError

from gateway.runtime import reference
from gateway.runtime.state import Run


def hidden_type(nodes: Sequence[FieldNode]) -> GraphQLError:
    """The error of an object of a type that is not in the view."""
    return GraphQLError("The object's type is not in the schema.", nodes)


def check_type(
    run: Run, name: Any, abstract: Any, nodes: list[FieldNode], info: Any, value: Any
) -> None:
    """Check what an abstract type was resolved to, where the plan has no such type. Errors: GraphQLError."""
    if run.bound.view is not None:
        raise hidden_type(nodes)
    reference.check_runtime_type(run.bound.schema, name, abstract, nodes, info, value)
