"""What a prepared operation takes in memory, estimated from what was made.

The weights are fitted to what tracemalloc says; `tests/plan/test_sizes.py` holds them within a fifth.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import CodeType
from typing import Any

from graphql import DocumentNode
from graphql.language.ast import QUERY_DOCUMENT_KEYS

from gateway.codegen.code import Code
from gateway.language.quick.text import PlainSource
from gateway.plan.nodes import Kind

NODE = 250  # of the document
CODE = 3_500  # of one variant, beside what is in it
FIELD = 570
SELECTION = 800
NAME = 355  # in the namespace of the code
ARGUMENTS = 1_550  # of one field
LINE = 57  # of the text, beside its characters
SHAPE = 600  # a function that completes objects; its text and code are shared
VARIABLE = 580
LOADER = 300  # one that was made for what the plan wants of it


def size_of_operation(document: DocumentNode, variables: int, codes: Iterable[Code]) -> int:
    """Bytes of a document, its coercers and the code of its variants."""
    return NODE * _count_nodes(document) + VARIABLE * variables + sum(map(size_of_code, codes))


def size_of_code(code: Code) -> int:
    """Bytes of one plan with its text and functions."""
    fields = code.bound.fields.values()
    arguments = {id(field.arguments) for field in fields if field.arguments is not None}
    loaders = {id(f.loader) for f in fields if f.plan.kind in (Kind.BATCH, Kind.ENTITY)}
    names = len(code.parts[0].__globals__) if code.parts else 0
    return (
        CODE
        + FIELD * len(fields)
        + SELECTION * len(code.bound.selections)
        + ARGUMENTS * len(arguments)
        + LOADER * len(loaders)
        + NAME * names
        + LINE * code.text.count("\n")
        + len(code.text)
        + SHAPE * code.functions
        + sum(_size_of_function(part.__code__) for part in code.parts)
        + sum(len(answer.json or b"") for answer in code.bound.answers.values())
    )


def _size_of_function(code: CodeType) -> int:
    own = (code, code.co_linetable, code.co_exceptiontable, code.co_names, code.co_consts)
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return sum(map(sys.getsizeof, own)) + sum(map(_size_of_function, inner))


def _count_nodes(document: DocumentNode) -> int:
    source = document.loc.source if document.loc else None
    if isinstance(source, PlainSource) and source.node_count:
        # As it was parsed: what was made of it has no more.
        return source.node_count
    count = 0
    rest: list[Any] = [document]
    while rest:
        node = rest.pop()
        count += 1
        for key in QUERY_DOCUMENT_KEYS.get(node.kind, ()):  # `node.keys` is made anew each time
            below = getattr(node, key)
            if below.__class__ is tuple or below.__class__ is list:
                rest += below
            elif below is not None:
                rest.append(below)
    return count
