"""`gateway cache`: what is kept of an operation's calls and why not, and purges of a running server."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from gateway.app.sources import unshared_sources
from gateway.cli.admin import UrlOption, ask_admin
from gateway.cli.options import (
    ConfigOption,
    SchemaOption,
    config_path,
    fail,
    one_line_errors,
    read_config,
    read_graph,
    read_json,
    read_text,
    report,
)
from gateway.cli.plan import sharing_of
from gateway.connectors.caching.explain import explain_caching
from gateway.connectors.loaders import connectors_of
from gateway.errors import RequestError
from gateway.execute.operation import coerce_variables, loaders_of
from gateway.execute.prepared import Prepared
from gateway.graph.loader import Loader
from gateway.language.document import load_document
from gateway.pipeline.explain_kept import explain_kept
from gateway.upstream.settings import SourceSettings

app = typer.Typer(help="Answers of sources that are kept.", no_args_is_help=True)
TIMEOUT_S = 30.0


@app.command()
def explain(
    query: Annotated[
        str, typer.Argument(help="A GraphQL document, or @FILE, or - for standard input.")
    ],
    config: ConfigOption = None,
    schema: SchemaOption = None,
    operation: Annotated[
        str | None, typer.Option(help="Name of the operation, where the document has several.")
    ] = None,
    variables: Annotated[str | None, typer.Option(help="Variables as JSON.")] = None,
) -> None:
    """Print for each call of an operation by which key its answer is kept, for how long and for whom, or why not."""
    with one_line_errors(config_path(config, schema)):
        settings, graph = read_graph(config, schema)
    if graph.errors or graph.schema is None or graph.bound is None:
        report(graph.errors)
    assert graph.schema is not None
    assert graph.bound is not None
    text = read_text(query)
    try:
        prepared = Prepared(
            graph.schema, load_document(text, graph.schema, settings.limits), operation
        )
        coerced = coerce_variables(prepared, read_json(variables or "{}", "--variables"))
    except RequestError as exc:
        for error in exc.errors:
            print(error, file=sys.stderr)
        raise typer.Exit(1) from exc
    unshared = unshared_sources(settings, graph.bound.base_urls)
    for loader in loaders_of(prepared, coerced):
        connectors = list(connectors_of(loader))
        for one in connectors:
            source = one.source or ""
            rules = settings.sources.get(source, SourceSettings())
            print("\n".join(explain_caching(graph.schema, one, rules, unshared.get(source))))
        if not connectors:
            print("\n".join(_of_python(loader)))
    cached = [name for name, rules in settings.sources.items() if rules.cache.enabled]
    sharing = sharing_of(prepared, coerced, settings, graph)
    is_on = settings.response_cache.whole_answers
    print(f"whole answer: {explain_kept(prepared, coerced, sharing, cached, is_on=is_on)}")


def _of_python(loader: Loader) -> list[str]:
    return [f"{loader.coordinate}", "  not kept: Python gives it"]


@app.command()
def purge(
    source: Annotated[
        list[str] | None, typer.Option(help="Of this source; several times. All by default.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="What has this tag; several times.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="What holds objects of this type.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help='With --type, the one object of this key: {"id": "7"}.')
    ] = None,
    soft: Annotated[
        bool, typer.Option("--soft", help="Let it be stale, and refreshed while it is given.")
    ] = False,
    url: UrlOption = None,
    config: ConfigOption = None,
) -> None:
    """Let nothing be used any more that a running server keeps of a source, type, tag or key. In all workers and pods.

    It asks the admin port with a key of the configuration (admin.keys). Exit code 1: it was refused; 2: nobody
    could be asked.
    """
    with one_line_errors(config_path(config, None)):
        settings, _ = read_config(config, None)
    items = invalidations(source or [], tag or [], type_, key)
    if soft:
        items = [{**item, "soft": True} for item in items]
    answer, found = ask_admin(settings.admin, url, "/invalidation", TIMEOUT_S, body=items)
    if answer.status_code != 202:
        print("; ".join(error["message"] for error in found["errors"]), file=sys.stderr)
        raise typer.Exit(1)
    print(f"purged by {found['count']} tags")
    if unknown := found.get("unknown"):
        print(f"no schema that is served has {', '.join(unknown)}", file=sys.stderr)


def invalidations(
    sources: list[str], tags: list[str], type_: str | None, key: str | None
) -> list[dict[str, Any]]:
    """What `POST /invalidation` is sent. It ends the command where that means nothing."""
    for text in (*sources, *tags, type_ or "", key or ""):
        if not is_text(text):
            fail(f"{text!r} is not text in UTF-8")
    if tags and (type_ is not None or key is not None):
        fail(
            "--tag is of what has a tag, whatever its --type and --key: purge by one of them at a time"
        )
    if tags:
        of = {"subgraphs": sources} if sources else {}
        return [{"kind": "cache_tag", "cache_tag": tag, **of} for tag in tags]
    if not sources:
        fail("give --source, --tag, or --source with --type")
    if key is not None and type_ is None:
        fail("--key is a key of a --type")
    found: list[dict[str, Any]] = [{"kind": "subgraph", "subgraph": name} for name in sources]
    for item in found if type_ is not None else ():
        item |= {"kind": "type", "type": type_}
        if key is not None:
            item |= {"kind": "key", "key": _key(key)}
    return found


def _key(text: str) -> Any:
    """A key as it is sent. It ends the command where the text is no JSON."""
    try:
        value = json.loads(
            text, parse_constant=lambda name: fail(f"--key has {name}, which is not JSON")
        )
    except json.JSONDecodeError as exc:
        fail(f"--key is not JSON: {exc}")
    if not is_text(json.dumps(value, ensure_ascii=False)):
        fail("--key has half of a surrogate pair, which is no character")
    return value


def is_text(text: str) -> bool:
    """Whether a text can be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
