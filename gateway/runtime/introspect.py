"""`__schema` and `__type`: answered by graphql-core once for each document, schema and argument set."""

from __future__ import annotations

from typing import Any

from graphql import DocumentNode, FieldNode, OperationDefinitionNode, execute_sync

from gateway.runtime.bound import BoundField
from gateway.runtime.spots import Failed
from gateway.runtime.state import Run
from gateway.runtime.variants import Growing, client_key

MAX_ANSWERS = 32


class IntrospectionError(Exception):
    """graphql-core answered with errors: the operation has to run on it as a whole."""


def introspect(run: Run, field: BoundField, rows: list[Any]) -> list[Any]:
    """The column of an introspection field: one completed value, for the root's one row."""
    return [copy_plain(run.introspection[field.id]) for _ in rows]


def prepare_introspection(run: Run, growing: Growing) -> None:
    """Answer the introspection fields of a plan, before its first step.

    Args:
        run: The run.
        growing: Admits and charges the client where something is answered for the first time.

    Errors: IntrospectionError and ClientError(COLD_DOCUMENTS_LIMIT), when nothing has run yet.
    """
    answers = run.bound.answers
    asked = [(field, _key(run, field)) for field in run.bound.introspection]
    if any(key not in answers for _, key in asked):
        if len(answers) > MAX_ANSWERS:
            answers.clear()
        with growing(client_key(run.context)):
            for field, key in asked:
                if key not in answers:
                    answers[key] = _execute(run, field)
    for field, key in asked:
        run.introspection[field.id] = answers[key]


def _key(run: Run, field: BoundField) -> tuple[Any, ...]:
    """What an answer follows from: fields that ask for the same under two aliases share one."""
    arguments = run.arguments_of(field)
    if isinstance(arguments, Failed):
        raise IntrospectionError
    names = sorted(run.variables.coerced)
    variables = repr([(name, run.variables.coerced[name]) for name in names])
    nodes = [run.bound.nodes[number] for number in field.plan.nodes]
    asked = tuple(_text_of(node) for node in nodes)
    return (field.plan.name, asked, repr(arguments), variables)


def _text_of(node: FieldNode) -> str | int:
    """The text of a field's selections; the node's own identity where it has none."""
    below = node.selection_set
    loc = below.loc if below is not None else None
    return loc.source.body[loc.start : loc.end] if loc else id(node)


def _execute(run: Run, field: BoundField) -> Any:
    operation = run.source.operation
    assert operation is not None
    nodes: list[FieldNode] = run.source.nodes(field.plan.nodes)
    selection_set = type(operation.selection_set)(selections=tuple(nodes))
    alone = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=operation.variable_definitions,
        directives=(),
        selection_set=selection_set,
    )
    document = DocumentNode(definitions=(alone, *run.source.fragments.values()))
    result = execute_sync(run.bound.schema, document, variable_values=dict(run.variables.raw))
    if result.errors or result.data is None:
        raise IntrospectionError
    return result.data[field.key]


def copy_plain(value: Any) -> Any:
    """A copy of an answer, so that whoever changes a response does not change the next one."""
    if type(value) is dict:
        return {key: copy_plain(item) for key, item in value.items()}
    if type(value) is list:
        return [copy_plain(item) for item in value]
    return value
