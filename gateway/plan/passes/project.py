"""What each loader has to hold for this operation.

A loader whose values are read only by properties and by loaders that say what they read is told the
names; one whose values reach a resolver or a type function has to hold everything that it can.
The names stand in the order in which the operation selects them: rows that are decoded so can be the response.
"""

from __future__ import annotations

from dataclasses import replace

from graphql import GraphQLSchema

from gateway.graph.resolvers import Wanted
from gateway.plan.loaders import loader_of
from gateway.plan.nodes import (
    Field,
    Kind,
    Output,
    Plan,
    Selection,
    Tree,
    composite_of,
    has_kind,
)
from gateway.plan.rewrite import map_children, map_roots, with_fields


def project_loaders(plan: Plan, schema: GraphQLSchema) -> Plan:
    """Set `wanted` of every batch and entity field."""

    if not has_kind(plan, Kind.BATCH, Kind.ENTITY):
        return plan

    def visit(selection: Selection) -> Selection:
        if not selection.settled:
            return selection  # nothing is loaded there
        reads = _reads(schema, selection)
        fields = [visit_field(field, reads.get(field.name, ())) for field in selection.fields]
        return with_fields(selection, fields)

    def visit_field(field: Field, read: Tree) -> Field:
        if field.kind in (Kind.BATCH, Kind.ENTITY):
            below = read if field.hidden else _wanted_of(schema, field.output)
            # A leaf of a batch field is the value itself: there is nothing to choose from.
            is_value = field.kind is Kind.BATCH and composite_of(field.output) is None
            if below is not None and not is_value:
                field = replace(field, wanted=_merge(below, read))
        return map_children(field, visit)

    return map_roots(plan, visit)


def to_wanted(tree: Tree) -> Wanted:
    """The tree as loaders take it."""
    return Wanted({name: to_wanted(below) for name, below in tree})


def _reads(schema: GraphQLSchema, selection: Selection) -> dict[str, Tree]:
    """What the loaders of a selection read of its rows, by member."""
    reads: dict[str, Tree] = {}
    for field in selection.fields:
        loader = loader_of(schema, field)
        for name, below in _to_tree(loader.reads) if loader and loader.reads else ():
            reads[name] = _merge(reads.get(name, ()), below)
    return reads


def _wanted_of(schema: GraphQLSchema, output: Output) -> Tree | None:
    """The names that are read of an output's objects; None when anything may be."""
    composite = composite_of(output)
    if composite is None:
        return ()
    if composite.by_call:
        return None
    names: dict[str, Tree] = {}
    if len(composite.selections) > 1 or composite.selections[0].type != composite.type:
        names["__typename"] = ()
    for selection in composite.selections:
        for field in selection.fields:
            if not _add(schema, field, names):
                return None
    return tuple(names.items())


def _add(schema: GraphQLSchema, field: Field, names: dict[str, Tree]) -> bool:
    if field.kind is Kind.TYPENAME or field.denied:
        return True
    if field.kind in (Kind.PROPERTY, Kind.ENTITY):
        below = _wanted_of(schema, field.output)
        if below is None:
            return False
        names[field.name] = _merge(names.get(field.name, ()), below)
    if field.kind is Kind.PROPERTY:
        return True
    loader = loader_of(schema, field)
    if loader is None or loader.reads is None:
        return False
    for name, below in _to_tree(loader.reads):
        names[name] = _merge(names.get(name, ()), below)
    return True


def _to_tree(wanted: Wanted) -> Tree:
    return tuple((name, _to_tree(below)) for name, below in wanted.items())


def _merge(left: Tree, right: Tree) -> Tree:
    merged = dict(left)
    for name, below in right:
        merged[name] = _merge(merged.get(name, ()), below)
    return tuple(merged.items())
