"""Secrets in files of a release: GraphQL by its arguments, Python by its literals, all by their forms. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from graphql import (
    ArgumentNode,
    GraphQLError,
    Node,
    ObjectValueNode,
    StringValueNode,
    parse,
)
from graphql.language import Visitor, visit

from gateway.release.secret_forms import (
    has_secret_form,
    is_harmless,
    looks_random,
    looks_secret,
    names_secret,
    secrets_within,
)
from gateway.release.yaml_text import NotYamlError, parse_documents

# `password: hunter2`, `PASSWORD = "hunter2"`: a name, a sign, and a text without spaces.
_ASSIGNED = re.compile(
    r"""(?m)^\s*["']?([A-Za-z_][\w.-]*)["']?\s*[:=]\s*["']?([^\s"',;#]{4,})["']?\s*,?\s*$"""
)


def secrets_in_file(name: str, text: str) -> Iterator[str]:
    """Where a secret stands in a file: a line, or a key."""
    is_code = name.endswith((".graphql", ".graphqls", ".gql", ".py"))
    looks = has_secret_form if is_code else looks_secret
    for number, line in enumerate(text.splitlines(), 1):
        if looks(line):
            yield f"line {number}"
    if name.endswith((".graphql", ".graphqls", ".gql")):
        yield from _in_graphql(text)
    elif name.endswith(".py"):
        yield from _in_python(text)
    elif name.endswith((".json", ".yaml", ".yml")):
        yield from _in_data(text)
    else:
        for found in _ASSIGNED.finditer(text):
            if names_secret(found[1]) and not is_harmless(found[2]):
                yield found[1]


def _in_data(text: str) -> list[str]:
    try:
        return secrets_within(parse_documents(text))
    except NotYamlError:
        return ["which cannot be read, and perhaps"]


def _in_graphql(text: str) -> Iterator[str]:
    try:
        document = parse(text, no_location=False)
    except (GraphQLError, RecursionError):
        return  # said by `served_schema`
    finder = _Finder()
    visit(document, finder)
    yield from finder.found


class _Finder(Visitor):
    """Objects and arguments with a secret's name and a literal value; `{$env.TOKEN}` is a reference."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        if _is_secret_text(node.value):
            self.found.append(_line(node))

    def enter_object_value(self, node: ObjectValueNode, *_: object) -> None:
        texts = {
            item.name.value: item.value.value
            for item in node.fields
            if isinstance(item.value, StringValueNode)
        }
        if secrets_within({name: _without_templates(text) for name, text in texts.items()}):
            self.found.append(_line(node))

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        text = node.value.value if isinstance(node.value, StringValueNode) else ""
        if secrets_within({node.name.value: _without_templates(text)}):
            self.found.append(_line(node))


def _without_templates(text: str) -> str:
    return "" if "{$" in text else text


def _line(node: Node) -> str:
    return f"line {node.loc.start_token.line}" if node.loc else "a directive"


def _in_python(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # said by `served_schema`
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and _is_secret_text(node.value):
            yield f"line {node.lineno}"
        for name, value in _named_values(node):
            is_text = isinstance(value, ast.Constant) and isinstance(value.value, str | bytes)
            if is_text and names_secret(name) and _is_literal(value.value):  # type: ignore[union-attr]
                yield f"line {value.lineno}"  # type: ignore[union-attr]


def _is_secret_text(value: object) -> bool:
    return isinstance(value, str) and (looks_secret(value) or looks_random(value))


def _is_literal(value: str | bytes) -> bool:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return len(text) >= 4 and not re.search(r"\s", text) and not is_harmless(text)


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """What is given a name: assignments, keyword arguments, defaults, entries of dicts."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield _name_of(target), value
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            yield _name_of(target), value
        case ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        case ast.arguments():
            named = [*node.posonlyargs, *node.args]
            for argument, default in zip(reversed(named), reversed(node.defaults), strict=False):
                yield argument.arg, default
            for argument, given in zip(node.kwonlyargs, node.kw_defaults, strict=True):
                yield argument.arg, given


def _name_of(target: ast.expr) -> str:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""
