"""`gateway profile`: reads the options, runs the operation, prints and writes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse
from rich.console import Console

from gateway.app.build import Graph
from gateway.app.config import Config
from gateway.app.gateway import Gateway
from gateway.connectors.bind import BoundConnectors
from gateway.integrations.apps import load_context, load_schema
from gateway.pipeline.explain import ExplainSettings
from gateway.profile.measure import Profile, ProfiledOperation, ProfileError, measure
from gateway.profile.page import render
from gateway.profile.terminal import print_profile
from gateway.response import masking
from gateway.telemetry.settings import LogSettings
from gateway.testing import GatewayClient

SECRET = "GATEWAY_TRACE_SECRET"  # noqa: S105 - a variable's name
RUNS = 50


class OnceEach(logging.Filter):
    """Lets each message pass once: what fails fails in every run."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """As logging says."""
        message = record.getMessage()
        is_new = message not in self._told
        self._told.add(message)
        return is_new


@contextmanager
def failures_told_once() -> Iterator[None]:
    """What resolvers fail with is logged once, not once for each run."""
    once = OnceEach()
    masking.logger.addFilter(once)
    try:
        yield
    finally:
        masking.logger.removeFilter(once)


async def profile_here(
    config: Config, base: Path, operation: ProfiledOperation, runs: int, *, samples: bool
) -> Profile:
    """Profile in this process, over the configuration's backends.

    Errors: ProfileError; ConfigError for what cannot be served.
    """
    explain = replace(config.explain, trace_header="always", plan_header=True)
    quiet = replace(config.logs, access="off", slow="off", audit="off")
    async with GatewayClient(replace(config, explain=explain, logs=quiet), base=base) as client:
        url = client.app.path
        with failures_told_once():
            return await measure(client.http, url, operation, runs=runs, samples=samples)


async def profile_app(
    place: str,
    operation: ProfiledOperation,
    runs: int,
    *,
    samples: bool,
    context: str | None = None,
) -> Profile:
    """Profile in this process a framework's schema, `module:name`: its resolvers run.

    Args:
        place: Of the schema.
        operation: What is run.
        runs: How often, after the first.
        samples: Whether to look at the code too.
        context: The place of what makes their context; without one they get the gateway's.

    Errors: ProfileError; ConfigError where there is no such schema.
    """
    explain = ExplainSettings(trace_header="always", plan_header=True)
    quiet = LogSettings(access="off", slow="off", audit="off")
    graph = Graph(load_schema(place), BoundConnectors(), [])
    graph.application_context = load_context(context) if context is not None else None
    app = Gateway(Config(explain=explain, logs=quiet), Path(), os.environ, graph=graph)
    async with (
        app.lifespan(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://gateway.test"
        ) as http,
    ):
        with failures_told_once():
            return await measure(http, app.path, operation, runs=runs, samples=samples)


async def profile_at(url: str, operation: ProfiledOperation, runs: int) -> Profile:
    """Profile at a gateway's URL. Errors: ProfileError."""
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        secret = os.environ.get(SECRET, "")
        return await measure(http, url, operation, runs=runs, samples=False, secret=secret)


def make_operation(
    query: str, variables: Mapping[str, Any], name: str | None, headers: Sequence[str]
) -> ProfiledOperation:
    """Errors: ProfileError for a header that is none."""
    body: dict[str, Any] = {"query": query}
    if variables:
        body["variables"] = dict(variables)
    if name is not None:
        body["operationName"] = name
    pairs = [header.partition(":") for header in headers]
    if bad := [name for name, colon, _ in pairs if not colon]:
        raise ProfileError(f"--header {bad[0]}: write it as `name: value`")
    return ProfiledOperation(
        body=body, headers={name.strip(): value.strip() for name, _, value in pairs}
    )


def runs_of(operation: ProfiledOperation, asked: int | None) -> int:
    """How often to run it: a mutation only once, unless somebody says otherwise."""
    if asked is not None:
        return asked
    return 0 if is_write(operation) else RUNS


def is_write(operation: ProfiledOperation) -> bool:
    """Whether it is a mutation; a document that cannot be parsed is refused later, by the gateway."""
    name = operation.body.get("operationName")
    try:
        document = parse(operation.body["query"])
    except GraphQLError:
        return False
    return any(
        node.operation is OperationType.MUTATION
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode)
        and (name is None or (node.name is not None and node.name.value == name))
    )


def show(profile: Profile, html: Path | None) -> None:
    """Print it, and write the page where one is asked for. Errors: ProfileError."""
    console = Console(highlight=False)
    print_profile(profile, console)
    if html is not None:
        try:
            html.write_text(render(profile), encoding="utf-8")
        except OSError as exc:
            raise ProfileError(f"--html {html}: cannot be written: {exc.strerror}") from exc
        console.print(f"\nwritten: {html}")
