"""`gateway plan`: how an operation would be executed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from graphql import GraphQLError, parse

from gateway.app.build import Graph
from gateway.app.config import Config
from gateway.app.hook_checks import hooks_of_calls
from gateway.app.sources import unshared_sources
from gateway.cli.options import (
    AppOption,
    ConfigOption,
    OperationOption,
    QueryArgument,
    SchemaOption,
    VariablesOption,
    config_path,
    fail,
    one_line_errors,
    read_graph,
    read_text,
    read_variables,
    report,
)
from gateway.client.vary import VARY_NONE
from gateway.cost.formula import Given
from gateway.cost.operation_cost import OperationCosts, evaluated
from gateway.errors import RequestError
from gateway.execute.operation import coerce_variables, explain_plan
from gateway.execute.prepared import Prepared
from gateway.graph.register import Mark
from gateway.integrations.apps import check_valid, load_schema
from gateway.language.document import load_document
from gateway.pipeline.explain_sharing import explain_sharing
from gateway.runtime.request import Variables

DECIDING = ("on_request", "on_operation", "on_response")
OF_FIELDS = ("resolver", "batch_resolver", "subscription")


def plan(
    query: QueryArgument,
    config: ConfigOption = None,
    schema: SchemaOption = None,
    operation: OperationOption = None,
    variables: VariablesOption = "{}",
    app: AppOption = None,
    source: Annotated[
        bool, typer.Option("--source", help="Also print the Python that was generated.")
    ] = False,
    override: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help="A label of @override that is on; several times."),
    ] = None,
) -> None:
    """Print how an operation would be executed: its fields by kind, its fetches, its code.

    The variables of @skip and @include choose the plan, and the labels of @override that are on.
    """
    if app is not None:
        _plan_app(app, read_text(query), operation, read_variables(variables), source)
        return
    with one_line_errors(config_path(config, schema)):
        settings, graph = read_graph(config, schema)
    if graph.errors or graph.schema is None:
        report(graph.errors)
    text = read_text(query)
    try:
        prepared = Prepared(
            graph.schema,
            load_document(text, graph.schema, settings.limits),
            operation,
            costs=OperationCosts(graph.schema, settings.cost),
        )
        coerced = coerce_variables(prepared, read_variables(variables))
    except RequestError as exc:
        for error in exc.errors:
            print(error, file=sys.stderr)
        raise typer.Exit(1) from exc
    prepared = _overridden(prepared, override or ())
    notes = [sharing_of(prepared, coerced, settings, graph), *_cost(prepared, coerced)]
    if prepared.labels:
        states = (
            f"{one} {'on' if one in prepared.overrides else 'off'}" for one in prepared.labels
        )
        notes.append(f"labels of @override: {', '.join(states)}")
    _print_plan(prepared, coerced, source, "\n".join(notes))


def _cost(prepared: Prepared, coerced: Variables) -> Iterator[str]:
    """The line that says what the operation may cost with these variables, and what of it each source."""
    if prepared.costs is None:
        return
    cost, given = prepared.costs.of(coerced.coerced), Given(coerced.coerced, is_strict=False)
    amount, formula = cost.formula.value(given), str(cost.formula)
    line = f"cost: up to {amount:g}" + (f" = {formula}" if formula != f"{amount:g}" else "")
    of_sources = [f"{name} {part:g}" for name, part in evaluated(cost.by_source, given).items()]
    yield f"{line}; of sources: {', '.join(of_sources)}" if of_sources else line


def _overridden(prepared: Prepared, on: Sequence[str]) -> Prepared:
    """The operation with labels that are on; ends where it has no such one."""
    for label in on:
        if label not in prepared.labels:
            known = ", ".join(prepared.labels) or "none"
            fail(f"no field of the operation has the label {label}; its labels: {known}")
    return prepared.overridden(tuple(sorted(set(on))), None)


def _print_plan(prepared: Prepared, coerced: Variables, source: bool, sharing: str = "") -> None:
    found = explain_plan(prepared, coerced)["plan"]
    if found["executor"] == "fallback":
        print(f"not compiled: {found['reason']}; it runs on graphql-core")
        return
    print(found["tree"], end="")
    if sharing:
        print(sharing)
    if source:
        print(f"\n{found['source']}", end="")


def _plan_app(
    place: str, text: str, operation: str | None, variables: dict[str, Any], source: bool
) -> None:
    """Print the plan of an operation for a framework's schema."""
    with one_line_errors():
        schema = load_schema(place)
    try:
        document = parse(text)
        check_valid(schema, document)
        prepared = Prepared(schema, document, operation)
        coerced = coerce_variables(prepared, variables)
    except (GraphQLError, RequestError) as exc:
        for error in exc.errors if isinstance(exc, RequestError) else [exc]:
            print(error, file=sys.stderr)
        raise typer.Exit(1) from exc
    _print_plan(prepared, coerced, source)


def sharing_of(prepared: Prepared, variables: Variables, settings: Config, graph: Graph) -> str:
    """The line of a plan that says who shares it."""
    places = {mark.name: _place(mark) for mark in graph.marks if mark.kind in OF_FIELDS}
    return explain_sharing(
        prepared,
        variables,
        settings.traffic_shaping.router.dedupe,
        [f"{mark.title} ({_place(mark)})" for mark in graph.undeclared],
        graph.ambient,
        unshared_sources(settings, graph.bound.base_urls if graph.bound else ()),
        places,
        _undeclared_hooks(graph),
    ) + _private(graph)


def _undeclared_hooks(graph: Graph) -> dict[str, list[str]]:
    """By source, the hooks that may read anything of a client."""
    undeclared = [mark for mark in hooks_of_calls(graph.marks) if mark.vary is None]
    return {
        source: [
            f"{mark.title} ({_place(mark)})"
            for mark in undeclared
            if not mark.sources or source in mark.sources
        ]
        for source in (*(graph.bound.base_urls if graph.bound else ()), "")
    }


def _private(graph: Graph) -> str:
    """The line that says which hooks make every answer one client's; "" for none."""
    deciding = [
        f"{mark.title} ({_place(mark)})"
        for mark in graph.marks
        if mark.kind in DECIDING and mark.vary != VARY_NONE
    ]
    return f"\nno shared cache may keep an answer: {', '.join(deciding)}" if deciding else ""


def _place(mark: Mark) -> str:
    file, line = mark.place
    return f"{file}:{line}"
