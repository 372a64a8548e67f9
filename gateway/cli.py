"""The command line: `gateway serve | check | schema | plan | profile | map | release`.

It reads options, calls `app`, and prints. A mistake of the operator ends with one line and exit code 2;
findings of a check end with exit code 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from graphql import print_schema

from gateway import json_bytes
from gateway.app import BROKER_DIRECTORY, Gateway
from gateway.build import Graph, build_graph
from gateway.config import (
    Config,
    config_json_schema,
    key_lines,
    load_config,
)
from gateway.connectors.mapping.explain import run_map
from gateway.connectors.mapping.parse import MappingSyntaxError
from gateway.errors import ConfigError, Diagnostic, RequestError
from gateway.execute.operation import coerce_variables, explain_plan
from gateway.execute.prepare import Prepared, prepare
from gateway.execute.state import Variables
from gateway.language.document import load_document
from gateway.release.cli import app as release_app
from gateway.sharing import explain_sharing
from gateway.transport.server.connections import raise_descriptor_limit

app = typer.Typer(
    name="gateway",
    help="A GraphQL gateway that compiles each operation to one Python function.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file; gateway.toml when it is there."),
]
SchemaOption = Annotated[
    list[Path] | None,
    typer.Option("--schema", "-s", help="Schema files or folders, instead of the configuration's."),
]
# What `serve` hands to the worker processes that uvicorn starts.
SERVE_CONFIG, SERVE_SCHEMA = "GATEWAY_SERVE_CONFIG", "GATEWAY_SERVE_SCHEMA"
SERVE_MOCK = "GATEWAY_SERVE_MOCK"


def main() -> None:
    """Run the command line."""
    app()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End with one line on standard error and exit code 2 on a ConfigError."""
    try:
        yield
    except ConfigError as exc:
        fail(place_in_config(exc).render())


def place_in_config(exc: ConfigError, path: Path | None = None) -> ConfigError:
    """Give an error that names a key of the configuration the file and line where it stands."""
    path = path or Path("gateway.toml")
    if exc.file is not None or exc.key is None or not path.exists():
        return exc
    lines = key_lines(path.read_text(encoding="utf-8"))
    exc.file, exc.line = str(path), lines.get(tuple(exc.key.split(".")))
    return exc


def fail(message: str, code: int = 2) -> NoReturn:
    """Say what is wrong and end."""
    print(f"gateway: {message}", file=sys.stderr)
    raise typer.Exit(code)


def read_config(config: Path | None, schema: list[Path] | None) -> tuple[Config, Path]:
    """The configuration, and the folder that its relative paths start from.

    Errors: ConfigError when there is neither a configuration nor a schema.
    """
    path = config
    if path is None and Path("gateway.toml").exists():
        path = Path("gateway.toml")
    if path is None and not schema:
        raise ConfigError(
            "there is no gateway.toml here",
            hint="give --config FILE, or --schema FILE",
        )
    loaded = load_config(path)
    if not schema:
        return loaded, path.parent if path else Path()
    graph = replace(loaded.graph, schema=tuple(str(item.resolve()) for item in schema))
    return replace(loaded, graph=graph), path.parent if path else Path()


def read_graph(config: Path | None, schema: list[Path] | None) -> tuple[Config, Graph]:
    """What is looked at and not served: a schema without a configuration may lack what one will give."""
    settings, base = read_config(config, schema)
    is_whole = config is not None or Path("gateway.toml").exists()
    return settings, build_graph(settings, base, os.environ, is_served=is_whole)


@app.command()
def serve(
    config: ConfigOption = None,
    schema: SchemaOption = None,
    host: Annotated[str | None, typer.Option(help="Address to bind.")] = None,
    port: Annotated[int | None, typer.Option(help="TCP port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes.")] = None,
    reload: Annotated[bool, typer.Option("--reload", help="Restart when a file changes.")] = False,
    mock: Annotated[
        bool,
        typer.Option("--mock", help="Make every value up; no backend and no Python is called."),
    ] = False,
) -> None:
    """Serve GraphQL over HTTP."""
    import uvicorn

    with one_line_errors():
        settings, base = read_config(config, schema)
        # Fail here, with one line, rather than in each worker.
        graph = Gateway(settings, base, os.environ, mock=mock).graph
    if warnings := sum(finding.severity == "warning" for finding in graph.findings):
        told = f"{_count(warnings, 'warning')}; gateway check lists them"
        print(f"gateway: {told}", file=sys.stderr)
    if mock:
        print("gateway: every value is made up; no backend is called", file=sys.stderr)
    os.environ[SERVE_MOCK] = "1" if mock else ""
    server = settings.server
    os.environ[SERVE_CONFIG] = str(config) if config else ""
    os.environ[SERVE_SCHEMA] = json.dumps([str(item) for item in schema or ()])
    raise_descriptor_limit()
    address = host or server.host
    number = server.port if port is None else port
    if number:
        print(f"gateway: http://{address}:{number}{server.path}; Ctrl-C ends it", file=sys.stderr)
    # Where the workers' brokers meet. Its name is short: a socket's path has to be.
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        if (workers or server.workers) > 1:
            os.environ[BROKER_DIRECTORY] = folder
        uvicorn.run(
            "gateway.cli:worker",
            factory=True,
            host=address,
            port=number,
            workers=workers or server.workers,
            reload=reload,
            reload_dirs=[str(base)] if reload else None,
            reload_includes=["*.graphql", "*.toml"] if reload else None,
            loop=event_loop(),
            http="gateway.transport.server.protocols:HttpProtocol",
            ws="gateway.transport.server.protocols:WebSocketProtocol",
            ws_max_size=settings.subscription.max_message_bytes,
            # Small messages: a compressor for each socket costs more than it saves.
            ws_per_message_deflate=False,
            lifespan="on",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=True,
            log_level="warning",
            timeout_graceful_shutdown=int(server.drain_timeout_s),
        )


def event_loop() -> Any:
    """uvloop, or asyncio's own with a warning: it costs a third more."""
    try:
        import uvloop  # noqa: F401 - only whether it is there
    except ImportError:
        print("gateway: warning: uvloop is not installed; serving on asyncio", file=sys.stderr)
        return "asyncio"
    return "uvloop"


def worker() -> Gateway:
    """The application of one worker process, as `serve` was told."""
    config = os.environ.get(SERVE_CONFIG) or None
    schema = [Path(item) for item in json.loads(os.environ.get(SERVE_SCHEMA, "[]"))]
    try:
        settings, base = read_config(Path(config) if config else None, schema)
        gateway = Gateway(settings, base, os.environ, mock=bool(os.environ.get(SERVE_MOCK)))
    except ConfigError as exc:
        print(f"gateway: {exc.render()}", file=sys.stderr)
        raise SystemExit(2) from exc
    gateway.owns_process = True
    return gateway


@app.command()
def check(
    config: ConfigOption = None,
    schema: SchemaOption = None,
    n_plus_one: Annotated[
        bool, typer.Option("--n-plus-one", help="Only list the N+1 paths, with the fix.")
    ] = False,
) -> None:
    """Check configuration, schema, connectors and resolvers; exit code 1 when something is wrong.

    With --n-plus-one, a path that is found counts as wrong; errors are printed beside the paths.
    """
    with one_line_errors():
        _, graph = read_graph(config, schema)
    findings = graph.findings
    if n_plus_one:
        findings = [f for f in findings if f.code == "NPlusOne" or f.severity == "error"]
    for finding in findings:
        print(finding.render())
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = sum(finding.severity == "warning" for finding in findings)
    print(f"{_count(errors, 'error')}, {_count(warnings, 'warning')}", file=sys.stderr)
    raise typer.Exit(1 if errors or (n_plus_one and findings) else 0)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@app.command(name="schema")
def print_api_schema(
    config: ConfigOption = None,
    schema: SchemaOption = None,
    config_schema: Annotated[
        bool, typer.Option("--config-schema", help="Print the JSON Schema of gateway.toml instead.")
    ] = False,
) -> None:
    """Print the schema that clients see, without the bindings."""
    if config_schema:
        print(json.dumps(config_json_schema(), indent=2))
        return
    with one_line_errors():
        _, graph = read_graph(config, schema)
    if graph.schema is None:
        report(graph.errors)
    print(print_schema(graph.schema))


def report(errors: list[Diagnostic]) -> NoReturn:
    """Print findings and end with exit code 1."""
    for error in errors:
        print(error.render(), file=sys.stderr)
    raise typer.Exit(1)


@app.command()
def plan(
    query: Annotated[
        str, typer.Argument(help="A GraphQL document, or @FILE, or - for standard input.")
    ],
    config: ConfigOption = None,
    schema: SchemaOption = None,
    operation: Annotated[str | None, typer.Option(help="Which operation of the document.")] = None,
    variables: Annotated[
        str | None,
        typer.Option(help="Variables as JSON: those of @skip and @include choose the plan."),
    ] = None,
    source: Annotated[
        bool, typer.Option("--source", help="Also print the Python that was generated.")
    ] = False,
) -> None:
    """Print how an operation would be executed: its fields by kind, its fetches, its code."""
    with one_line_errors():
        settings, graph = read_graph(config, schema)
    if graph.errors or graph.schema is None:
        report(graph.errors)
    text = read_text(query)
    try:
        prepared = prepare(
            graph.schema, load_document(text, graph.schema, settings.limits), operation
        )
        coerced = coerce_variables(prepared, read_json(variables or "{}", "--variables"))
    except RequestError as exc:
        for error in exc.errors:
            print(error, file=sys.stderr)
        raise typer.Exit(1) from exc
    found = explain_plan(prepared, coerced)["plan"]
    if found["path"] == "fallback":
        print(f"not compiled: {found['reason']}; it runs on graphql-core")
        return
    print(found["tree"], end="")
    print(_sharing(prepared, coerced, settings, graph))
    if source:
        print(f"\n{found['source']}", end="")


def _sharing(prepared: Prepared, variables: Variables, settings: Config, graph: Graph) -> str:
    """The line of a plan that says who shares it."""
    places = [(mark.title, *mark.place) for mark in graph.undeclared]
    return explain_sharing(
        prepared,
        variables,
        settings.traffic_shaping.router.dedupe,
        [f"{title} ({file}:{line})" for title, file, line in places],
        graph.ambient,
        [name for name, source in settings.sources.items() if not source.dedupe_enabled],
    )


@app.command()
def profile(
    query: Annotated[
        str, typer.Argument(help="A GraphQL document, or @FILE, or - for standard input.")
    ],
    config: ConfigOption = None,
    schema: SchemaOption = None,
    operation: Annotated[str | None, typer.Option(help="Which operation of the document.")] = None,
    variables: Annotated[str, typer.Option(help="Variables as JSON, or @FILE.")] = "{}",
    runs: Annotated[
        int | None,
        typer.Option("-n", min=0, help="Runs after the first: 50; none of a mutation."),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="Sent with each run: `name: value`.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="Ask a gateway there, instead of one in this process."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write it as a page.")] = None,
) -> None:
    """Run an operation again and again, and show where its time goes."""
    from gateway.profile import command
    from gateway.profile.measure import ProfileError

    given = read_json(read_text(variables), "--variables")
    try:
        asked = command.make_operation(read_text(query), given, operation, header or ())
        number = command.runs_of(asked, runs)
        if url is not None:
            found = asyncio.run(command.profile_at(url, asked, number))
        else:
            with one_line_errors():
                settings, base = read_config(config, schema)
                # Looking at the code runs the operation again and again: never what writes.
                samples = html is not None and not command.is_write(asked)
                run = command.profile_here(settings, base, asked, number, samples=samples)
                found = asyncio.run(run)
        command.show(found, html)
    except ProfileError as exc:
        fail(str(exc), 1)


@app.command(name="map")
def map_json(
    selection: Annotated[str, typer.Argument(help="A mapping, or @FILE.")],
    data: Annotated[Path | None, typer.Option(help="JSON file; standard input by default.")] = None,
    variables: Annotated[
        Path | None, typer.Option("--vars", help="JSON file: an object of variables, without $.")
    ] = None,
    spec: Annotated[str, typer.Option(help="Version of the language: 0.1, 0.2 or 0.3.")] = "0.3",
    explain: Annotated[bool, typer.Option("--explain", help="Print what each step saw.")] = False,
) -> None:
    """Apply a connector's mapping to JSON: a playground in the terminal."""
    text = read_text(selection)
    read = data.read_text(encoding="utf-8") if data else sys.stdin.read()
    given = read_json(variables.read_text(encoding="utf-8"), "--vars") if variables else {}
    try:
        result = run_map(text, read_json(read, "the data"), given, spec, explain=explain)
    except MappingSyntaxError as exc:
        before = text[: exc.offset]
        line, column = before.count("\n") + 1, exc.offset - before.rfind("\n")
        fail(f"selection:{line}:{column}: {exc.message}\n{_pointed(text, line, column)}", 1)
    except ValueError as exc:
        fail(str(exc))
    for step in result.steps:
        shown = (
            "no value"
            if step.value is ...
            else _shortened(json.dumps(step.value, ensure_ascii=False))
        )
        print(f"{step.line}:{step.column:<4} {step.text:<20} {shown}", file=sys.stderr)
    for problem in result.problems:
        print(f"warning: {problem}", file=sys.stderr)
    if result.has_value:
        print(json.dumps(result.value, ensure_ascii=False, indent=2))
    else:
        print("no value", file=sys.stderr)


def _pointed(text: str, line: int, column: int) -> str:
    """The line of a text with a mark below a column."""
    return f"  {text.splitlines()[line - 1] if text else ''}\n  {' ' * (column - 1)}^"


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"


def read_text(argument: str) -> str:
    """An argument that is a text, `@FILE`, or `-`."""
    if argument == "-":
        return sys.stdin.read()
    if not argument.startswith("@"):
        return argument
    try:
        return Path(argument[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        fail(f"{argument[1:]}: cannot be read: {exc}")


def read_json(text: str, what: str) -> Any:
    """A JSON value; ends with one line when it is none."""
    try:
        return json_bytes.read_json(text.encode())
    except json_bytes.NotJSONError as exc:
        fail(f"{what} is not JSON: {exc}")


app.add_typer(release_app, name="release")
