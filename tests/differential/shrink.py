"""Makes a failing case smaller: what can be left out of its document and still fails is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from graphql import DocumentNode, FragmentDefinitionNode, Node, parse, print_ast

from tests.differential.cases import Case

LISTS = (
    "selections",
    "arguments",
    "directives",
    "definitions",
    "values",
    "fields",
    "variable_definitions",
)


def shrink(case: Case, fails: Callable[[Case], bool], most: int = 400) -> Case:
    """The smallest case found that still fails."""
    tries = 0
    while tries < most:
        for smaller in _smaller(case):
            tries += 1
            if tries >= most:
                break
            if fails(smaller):
                case = smaller
                break
        else:
            break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    for name in case.variables or ():
        yield replace(
            case, variables={k: v for k, v in (case.variables or {}).items() if k != name}
        )
    document = parse(case.text, no_location=True)
    for text in _cuts(document):
        yield replace(case, text=text)


def _cuts(document: DocumentNode) -> Iterator[str]:
    for rebuilt in _without_one(document):
        try:
            text = print_ast(_without_unused(rebuilt))
            parse(text)
        except Exception:
            continue
        yield text


def _without_unused(document: Any) -> Any:
    """Without the fragments and variables that a cut left unused: the document has to stay valid."""
    while True:
        text = print_ast(document)
        kept = tuple(
            _without_unused_variables(node, text)
            for node in document.definitions
            if not isinstance(node, FragmentDefinitionNode)
            or re.search(rf"\.\.\.{node.name.value}\b", text)
        )
        document = _copy(document, "definitions", kept)
        if print_ast(document) == text:
            return document


def _without_unused_variables(node: Any, text: str) -> Any:
    used = tuple(
        definition
        for definition in getattr(node, "variable_definitions", None) or ()
        if len(re.findall(rf"\${definition.variable.name.value}\b", text)) > 1
    )
    return _copy(node, "variable_definitions", used)


def _without_one(node: Any) -> Iterator[Any]:
    """Every copy of a tree in which one item of one list, or one alias, is left out. Big cuts first."""
    for name in LISTS:
        items = getattr(node, name, None) or ()
        for index in range(len(items)):
            rest = tuple(item for at, item in enumerate(items) if at != index)
            if rest or name not in ("selections", "definitions"):
                yield _copy(node, name, rest)
    if getattr(node, "alias", None) is not None:
        yield _copy(node, "alias", None)
    for name in node.keys if hasattr(node, "keys") else ():
        child = getattr(node, name, None)
        if isinstance(child, Node):
            for smaller in _without_one(child):
                yield _copy(node, name, smaller)
        elif isinstance(child, (list, tuple)):
            for index, item in enumerate(child):
                for smaller in _without_one(item):
                    yield _copy(node, name, (*child[:index], smaller, *child[index + 1 :]))


def _copy(node: Any, name: str, value: Any) -> Any:
    members = {key: getattr(node, key, None) for key in node.keys if key != "loc"}
    return type(node)(**{**members, name: value})
