"""Prepares one operation of a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from graphql import (
    DocumentNode,
    GraphQLSchema,
)

from gateway.cost.operation_cost import OperationCosts
from gateway.execute.prepared import Prepared
from gateway.graph.views.view import SchemaView
from gateway.runtime.bounds import UNLIMITED, ResultLimits


def prepare(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None = None,
    slots: Mapping[int, int] | None = None,
    limits: ResultLimits = UNLIMITED,
    growing: Callable[..., AbstractContextManager[None]] | None = None,
    is_planned: bool = True,
    view: SchemaView | None = None,
    costs: OperationCosts | None = None,
) -> Prepared:
    """Prepare an operation of a valid document.

    Args:
        schema: Bound to its resolvers and loaders.
        document: Parsed and validated.
        operation_name: As the client sent it.
        slots: Literals that other texts of the same plan have other values for: offset of the literal
            in this document to the number of its slot.
        limits: What its results may be.
        growing: Admits and charges the client for whom something more is made of the operation later.
        is_planned: Whether a plan is worth making; else it runs on graphql-core.
        view: What of the schema its clients see, where that may change its answer.
        costs: Makes what it costs; None where nobody asks.
    """
    return Prepared(
        schema,
        document,
        operation_name,
        slots=slots,
        limits=limits,
        growing=growing,
        is_planned=is_planned,
        view=view,
        costs=costs,
    )
