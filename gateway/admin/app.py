"""The admin port's HTTP: who may, what is commanded, and the audit log's line. Every command comes through here.

It knows no command: each is an `Action` that a room has added.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.admin.commands import Action, Command, CommandError, Commands, Done
from gateway.admin.settings import AdminSettings
from gateway.auth.refusals import Credential, UnauthenticatedError
from gateway.telemetry.owned_port import OwnedPort

logger = logging.getLogger("gateway.admin")
FOLDER = "admin"
NO_KEY = "no key of [admin] keys"
MOST_OF_PATH = 200
Audit = Callable[[str, dict[str, Any]], None]
Refused = Callable[[UnauthenticatedError, str], None]


class AdminApp:
    """Answers commands.

    Args:
        settings: Who may command.
        commands: What may be commanded.
        audit: Writes a line: its event and members.
        refused: Told who has shown no key of these, or none at all, and from where: it bounds what is written of them.
    """

    def __init__(
        self, settings: AdminSettings, commands: Commands, audit: Audit, refused: Refused
    ) -> None:
        self._keys = {name: key.encode() for name, key in settings.given.items()}
        self._max_body_bytes = settings.max_body_bytes
        self._commands = commands
        self._audit = audit
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        by = self._who(request.headers)
        done = await self._answer(request, by)
        address = scope["client"][0] if scope["client"] else None
        if by is None:
            kind: Credential = "key" if "authorization" in request.headers else "none"
            self._refused(UnauthenticatedError(f"Admin port: {NO_KEY}.", kind), address or "")
        elif scope["method"] not in ("GET", "HEAD"):
            command = f"{scope['method']} {scope['path'][:MOST_OF_PATH]}"
            line = {"by": by, "command": command, "status": done.status, "address": address}
            self._audit("admin", {**line, **done.audit})
        headers = {"www-authenticate": "Bearer"} if done.status == 401 else None
        body = orjson.dumps(done.body, option=orjson.OPT_APPEND_NEWLINE)
        await Response(body, done.status, headers, "application/json")(scope, receive, send)

    def _who(self, headers: Mapping[str, str]) -> str | None:
        """The name of the key that a request has; None where it is none. All are compared, in constant time."""
        given = headers.get("authorization", "")
        scheme, _, rest = given.partition(" ")
        token = (rest.strip() if scheme.lower() == "bearer" else given).encode()
        names = [name for name, key in self._keys.items() if hmac.compare_digest(key, token)]
        return names[0] if names else None

    async def _answer(self, request: Request, by: str | None) -> Done:
        if by is None:
            return _refused(NO_KEY, 401)
        try:
            action = self._action(request.method, request.url.path)
            body = await self._body(request)
            return await action(Command(by, body, _parameters(request)))
        except CommandError as exc:
            return _refused(str(exc), exc.status)
        except asyncio.CancelledError:  # the server ends, and waits for the answer
            return _refused(
                "this worker ends: give the command again; another one answers, unless the server ends",
                503,
            )
        except Exception:
            logger.exception("a command has failed")
            return _refused("the command failed; the log says why", 500)

    def _action(self, method: str, path: str) -> Action:
        path = path.rstrip("/") or "/"
        known = self._commands.actions
        if (method, path) in known:
            return known[method, path]
        methods = sorted(other for other, of_path in known if of_path == path)
        if methods:
            raise CommandError(f"{path} takes {', '.join(methods)}", 405)
        raise CommandError(f"there are {', '.join(sorted({p for _, p in known}))}", 404)

    async def _body(self, request: Request) -> Any:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                raise CommandError(f"more than {self._max_body_bytes} bytes", 413)
        if not body:
            return UNSET
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise CommandError(f"the body is not JSON: {exc}") from exc


def _parameters(request: Request) -> dict[str, str]:
    """The URL's parameters. Errors: CommandError for one that is given twice."""
    pairs = request.query_params.multi_items()
    found = dict(pairs)
    if len(found) < len(pairs):
        raise CommandError("a parameter of the URL is given more than once")
    return found


def _refused(message: str, status: int) -> Done:
    return Done({"errors": [{"message": message}]}, status, {"error": message})


def admin_port(
    settings: AdminSettings,
    commands: Commands,
    audit: Audit,
    refused: Refused,
    directory: str | None,
) -> OwnedPort:
    """The port, to be opened by every worker; one has it.

    Args:
        settings: Where, and who may.
        commands: What may be commanded.
        audit: Writes a line.
        refused: Told who has no key.
        directory: Where the workers of this server meet; None when there is one.
    """
    folder = Path(directory) / FOLDER if directory else None
    if folder is not None:
        folder.mkdir(mode=0o700, exist_ok=True)
    what = "commands cannot be given", "admin.port"
    app = AdminApp(settings, commands, audit, refused)
    return OwnedPort(app, settings.host, settings.port, folder, logger, what)
