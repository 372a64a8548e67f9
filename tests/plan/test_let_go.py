"""A plan that nobody has any more is gone at once: no full collection, which is rare and long, has to look for it."""

from __future__ import annotations

import gc
from contextlib import nullcontext
from types import FunctionType
from weakref import ref

from graphql import FieldNode, GraphQLSchema

from gateway.execute.prepared import Prepared
from gateway.language.document import load_document
from gateway.language.limits import Limits
from gateway.runtime.bound import BoundField
from tests.plan.test_demo_plans import QUERIES
from tests.plan.test_demo_plans import schema as demo_schema

schema = demo_schema  # pytest's fixture


def alive(kind: type) -> int:
    return sum(type(each) is kind for each in gc.get_objects())


def test_what_is_evicted_is_freed_without_the_collector(schema: GraphQLSchema) -> None:
    def make(text: str) -> Prepared:
        document = load_document(text, schema, Limits())
        return Prepared(schema, document, growing=lambda _prepared, _key, **_how: nullcontext())

    plans = [plan for plan in map(make, QUERIES.values()) if not plan.shaping]
    gc.collect()
    gc.disable()
    try:
        before = alive(BoundField), alive(FieldNode)
        watched = [ref(plan) for plan in plans] + [ref(plan.code({}).bound) for plan in plans]
        fields = sum(len(plan.code({}).bound.fields) for plan in plans)
        assert fields > 50
        plans.clear()
        assert not any(reference() for reference in watched)
        assert alive(BoundField) == before[0] - fields
        assert alive(FieldNode) < before[1]
    finally:
        gc.enable()


def test_what_makes_plans_leaves_no_circle(schema: GraphQLSchema) -> None:
    def make(text: str) -> Prepared:
        prepared = Prepared(schema, load_document(text, schema, Limits()))
        if not prepared.shaping:
            prepared.code({})
        return prepared

    for text in QUERIES.values():  # what is made once for all plans
        make(text)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for text in QUERIES.values():
            make(text)
        gc.collect()
        left = [one for one in gc.garbage if isinstance(one, FunctionType)]
        ours = {one.__qualname__ for one in left if one.__module__.startswith("gateway.")}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert ours == set()
