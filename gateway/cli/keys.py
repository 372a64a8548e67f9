"""`gateway keys`: API keys of partners, made, rotated, taken back and listed. The secret is shown once."""

from __future__ import annotations

import getpass
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.app.config import Config, load_config
from gateway.auth.api_keys import (
    ApiKey,
    digest_of_key,
    make_key,
    read_networks,
    utc_now,
)
from gateway.auth.key_store import (
    FileKeyStore,
    KeyStore,
    KeyStoreError,
    add_key,
    change_key,
    with_fields,
)
from gateway.auth.redis_keys import RedisKeyStore
from gateway.cli.options import ConfigOption, config_path, fail, one_line_errors
from gateway.telemetry.chain import ChainedFile

app = typer.Typer(help="API keys of partners.", no_args_is_help=True)

FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="A file of keys, in place of what the configuration names."),
]
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@app.command()
def create(
    client: Annotated[str, typer.Option(help="Whose key it is.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; several times.")] = None,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    cidr: Annotated[
        list[str] | None, typer.Option(help="A network that it may be used from; several times.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="When it ends: 90d, or a date.")] = None,
    view: Annotated[
        str | None, typer.Option(help="The view that it sees, as `[views.NAME]` says.")
    ] = None,
    limits: Annotated[
        str | None, typer.Option(help="The policy that it is under, of [quotas.policies].")
    ] = None,
    file: FileOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key and print it, once: nothing else keeps it."""
    with _told(config, file) as place:
        if not client.strip():
            raise ValueError("--client is empty: say whose key it is")
        for one in scope or ():
            if not one or set(one) & set(" \t,"):
                raise ValueError(f"--scope {one!r} is no single scope: give --scope several times")
        text, id_ = make_key(place.settings.prefix, place.settings.environment)
        key = ApiKey(
            id=id_,
            client=client,
            digest=digest_of_key(text),
            created=utc_now(),
            name=name,
            scopes=tuple(scope or ()),
            view=view,
            cidrs=tuple(cidr or ()),
            not_after=end_of(expires) if expires else None,
            limits=limits,
        )
        read_networks(key.cidrs)
        place.check_names(key)
        add_key(place.store, key)
        place.note("key_created", key)
    print(text)


@app.command()
def rotate(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The key that is to be replaced.")],
    overlap: Annotated[str, typer.Option(help="How long the old key is good for still.")] = "24h",
    file: FileOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key like another one, which ends after a while. Prints the new one, once."""
    with _told(config, file) as place:
        end = moment_of(overlap)
        text, new_id = make_key(place.settings.prefix, place.settings.environment)

        def rotated(old: ApiKey) -> tuple[ApiKey, ApiKey]:
            if old.state(utc_now()) in ("revoked", "expired"):
                raise KeyStoreError(f"{place.store} has no live key {id_}")
            new = with_fields(old, id=new_id, digest=digest_of_key(text), created=utc_now())
            place.check_names(new)
            return with_fields(old, not_after=min(end, old.not_after or end)), new

        old, new = change_key(place.store, id_, rotated)
        assert old.not_after is not None
        ends = old.not_after
        place.note("key_rotated", new, replaces=id_, until=ends.isoformat())
    print(text)


@app.command()
def revoke(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The key.")],
    file: FileOption = None,
    config: ConfigOption = None,
) -> None:
    """Take a key back: every worker refuses it within a second."""
    with _told(config, file) as place:
        (key,) = change_key(
            place.store,
            id_,
            lambda key: (with_fields(key, revoked=key.revoked or utc_now()),),
        )
        place.note("key_revoked", key)
    print(f"{id_} of {key.client} is revoked")


@app.command(name="list")
def list_keys(
    client: Annotated[str | None, typer.Option(help="Only this client's.")] = None,
    file: FileOption = None,
    config: ConfigOption = None,
) -> None:
    """The keys, without their secrets."""
    with _told(config, file) as place:
        keys = place.store.keys().keys
    now = utc_now()
    for key in keys:
        if client in (None, key.client):
            until = f" until {key.not_after.isoformat()}" if key.not_after else ""
            scopes = f" [{' '.join(key.scopes)}]" if key.scopes else ""
            view = f" view {key.view}" if key.view else ""
            name = f" {key.name}" if key.name else ""
            print(f"{key.id} {key.client} {key.state(now)}{until}{scopes}{view}{name}")


class KeyPlace:
    """Where keys are kept, how they look, and where changes are noted."""

    def __init__(self, store: KeyStore, config: Config, audit: Path | None) -> None:
        self.store = store
        self.settings = config.authentication.api_keys
        self._known: dict[str, Collection[str]] = {
            "view": config.views,
            "limits": config.quotas.policies,
        }
        self._audit = audit

    def check_names(self, key: ApiKey) -> None:
        """Errors: ValueError for a view, or a policy of quotas, that is not configured."""
        for option, known in self._known.items():
            name = getattr(key, option)
            if name is not None and name not in known:
                listed = ", ".join(known) or "none"
                raise ValueError(f"--{option}: there is no {name!r}; configured: {listed}")

    def note(self, event: str, key: ApiKey, **detail: Any) -> None:
        """Write a line to the audit log, where there is one."""
        if self._audit is None:
            return
        log = ChainedFile(self._audit)
        try:
            log.append(
                {
                    "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "level": "info",
                    "event": event,
                    "actor": {"login": getpass.getuser()},
                    "key": key.id,
                    "client": key.client,
                    "scopes": list(key.scopes),
                    **detail,
                },
                is_durable=True,
            )
        finally:
            log.close()


@contextmanager
def _told(config: Path | None, file: Path | None) -> Iterator[KeyPlace]:
    """Where the keys are; what goes wrong is one line."""
    path = config_path(config, None)
    with one_line_errors(path):
        settings = load_config(path)
    try:
        with one_line_errors(path):
            yield place_of(settings, path, file)
    except (KeyStoreError, ValueError) as exc:
        fail(str(exc))
    except OSError as exc:
        fail(f"{exc.filename}: {exc.strerror}")


def place_of(config: Config, path: Path | None, file: Path | None) -> KeyPlace:
    """Errors: KeyStoreError when nothing says where keys are."""
    settings = config.authentication.api_keys
    store: KeyStore
    if file is not None:
        store = FileKeyStore(file)
    elif settings.file is not None:
        store = FileKeyStore((path.parent if path else Path()) / settings.file)
    elif settings.kind == "redis":
        store = RedisKeyStore(config.redis)
    else:
        raise KeyStoreError("give --file, or set authentication.api_keys.file")
    audit = config.logs.audit
    return KeyPlace(store, config, None if audit in ("off", "stdout", "stderr") else Path(audit))


def end_of(text: str) -> datetime:
    """As `moment_of`. Errors: ValueError also for what is over."""
    moment = moment_of(text)
    if moment <= utc_now():
        raise ValueError(f"{text}: the key would have ended already")
    return moment


def moment_of(text: str) -> datetime:
    """`90d`, `24h`, `30m` from now, or a date of ISO 8601. Errors: ValueError."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if found:
        return utc_now() + timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text}: give 90d, 24h, 30m or a date, 2027-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
