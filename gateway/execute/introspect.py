"""`__schema` and `__type`: answered by graphql-core once for each document, schema and argument set."""

from __future__ import annotations

from typing import Any

from graphql import DocumentNode, FieldNode, OperationDefinitionNode, execute_sync

from gateway.execute.bound import BoundField
from gateway.execute.spots import Failed
from gateway.execute.state import Run

MAX_ANSWERS = 32


class IntrospectionError(Exception):
    """graphql-core answered with errors: the operation has to run on it as a whole."""


def introspect(run: Run, field: BoundField, rows: list[Any]) -> list[Any]:
    """The column of an introspection field: one completed value, for the root's one row."""
    return [copy_plain(run.introspection[field.id]) for _ in rows]


def prepare_introspection(run: Run) -> None:
    """Answer the introspection fields of a plan, before its first step.

    Errors: IntrospectionError, when nothing has run yet.
    """
    for field in run.bound.introspection:
        run.introspection[field.id] = _answer(run, field)


def _answer(run: Run, field: BoundField) -> Any:
    arguments = run.arguments_of(field)
    if isinstance(arguments, Failed):
        raise IntrospectionError
    names = sorted(run.variables.coerced)
    key = (field.id, repr(arguments), repr([(name, run.variables.coerced[name]) for name in names]))
    answers = run.bound.answers
    if key not in answers:
        if len(answers) >= MAX_ANSWERS:
            answers.clear()
        answers[key] = _execute(run, field)
    return answers[key]


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
