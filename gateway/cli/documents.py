"""`gateway documents`: the trusted documents of each version of each application, and the end of a version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.app.config import Config
from gateway.cli.admin import UrlOption
from gateway.cli.options import (
    ConfigOption,
    config_path,
    counted,
    fail,
    one_line_errors,
    read_config,
)
from gateway.cli.usage import FilesOption, LiveOption, ask_usage, begin_of, usage_of
from gateway.documents.apps import RETIRED, AppVersion, count_documents, manifests
from gateway.observe.usage_records import UsageClient, UsageRecords, stamp
from gateway.telemetry.metrics import OTHER

app = typer.Typer(help="Trusted documents of applications.", no_args_is_help=True)


@app.command(name="list")
def list_documents(config: ConfigOption = None) -> None:
    """The versions of applications, and how many documents each has."""
    with one_line_errors(config_path(config, None)):
        settings, base = read_config(config, None)
        for version, path in manifests(folder_of(settings, base)).items():
            print(f"{version.app} {version.version} {counted(count_documents(path), 'document')}")


@app.command()
def retire(
    name: Annotated[str, typer.Argument(metavar="APP", help="The application.")],
    version: Annotated[str, typer.Argument(help="Its version.")],
    files: FilesOption = None,
    live: LiveOption = False,
    url: UrlOption = None,
    period: Annotated[
        str | None, typer.Option(help="Only usage of this time: 30d, 24h; all by default.")
    ] = None,
    max_requests: Annotated[
        int, typer.Option("--max-requests", min=0, help="So many requests count as none.")
    ] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Retire it whoever uses it; usage is not looked at.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Take the documents of a version away: every worker refuses them within a second or two.

    The manifest stays, as VERSION.json.retired. Exit code 1: the version is used, and nothing was done; 2: nothing
    can be said.
    """
    with one_line_errors(config_path(config, None)):
        settings, base = read_config(config, None)
        path = manifests(folder_of(settings, base)).get(AppVersion(name, version))
    if path is None:
        fail(
            f"there are no documents of {name} {version}: gateway documents list shows what there is"
        )
    if not force:
        since = begin_of(period)
        found = ask_usage(settings, url, None) if live or url else usage_of(settings, files, since)
        _check_unused(found, UsageClient(name, version, is_proven=True), max_requests)
    path.replace(path.with_name(path.name + RETIRED))
    print(f"{name} {version} is retired")


def folder_of(settings: Config, base: Path) -> Path:
    """The folder of the applications' manifests; ends the command where there is none."""
    if settings.persisted_documents.apps is None:
        fail("persisted_documents.apps names no folder")
    return base / settings.persisted_documents.apps


def _check_unused(usage: UsageRecords, client: UsageClient, max_requests: int) -> None:
    if not usage.by_client:
        fail("the usage has no request of this period: nothing can be said by it (or --force)")
    if UsageClient(OTHER, "", True) in usage.by_client:
        fail("clients beyond telemetry.usage.max_clients are one there: nothing can be said by it")
    record = usage.by_client.get(client)
    if record is not None and record.requests > max_requests:
        requests = counted(record.requests, "request")
        used = f"{client.name} {client.version} is used: {requests}, until {stamp(record.end)}"
        fail(f"{used}; --force retires it all the same", 1)
