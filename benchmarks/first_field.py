"""From nothing to a first field that answers, beside Strawberry: commands, lines that somebody writes, and seconds.

`python -m benchmarks.first_field [WHEEL]` makes an environment for each product and runs what its documentation says:
(a) a field in Python, (b) one from a REST service, (c) one from a PHP page that sends numbers as texts. The seconds are
the machine's, from the first command to the first right answer; what a person takes to write the lines is not in them.
`rover` is not compared: what it starts is a router that is downloaded and asks for an account.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POSTS = '[{"id": 1, "title": "Hello", "user_id": 7}, {"id": 2, "title": "Again", "user_id": 7}]'
USERS = 'Notice: Undefined index: x in /srv/a.php on line 3\n[{"id": "7", "name": "Ada", "is_admin": "0", "age": "36"}]'

STRAWBERRY_PYTHON = """import strawberry


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "Hello"


schema = strawberry.Schema(query=Query)
"""
STRAWBERRY_REST = """import httpx
import strawberry


@strawberry.type
class Post:
    id: strawberry.ID
    title: str | None
    user_id: strawberry.ID | None


@strawberry.type
class Query:
    @strawberry.field
    async def posts(self) -> list[Post] | None:
        async with httpx.AsyncClient() as client:
            answer = await client.get("BACKEND/posts.json")
            answer.raise_for_status()
        return [Post(id=row["id"], title=row["title"], user_id=row["user_id"]) for row in answer.json()]


schema = strawberry.Schema(query=Query)
"""
STRAWBERRY_PHP = """import json

import httpx
import strawberry


@strawberry.type
class User:
    id: strawberry.ID
    name: str | None
    is_admin: bool | None
    age: int | None


@strawberry.type
class Query:
    @strawberry.field
    async def users(self) -> list[User] | None:
        async with httpx.AsyncClient() as client:
            answer = await client.get("BACKEND/users.php")
            answer.raise_for_status()
        rows = json.loads(answer.text[answer.text.index("[{") :])
        return [
            User(
                id=row["id"],
                name=row["name"],
                is_admin=row["is_admin"] == "1",
                age=int(row["age"]) if row["age"] else None,
            )
            for row in rows
        ]


schema = strawberry.Schema(query=Query)
"""


@dataclass(frozen=True, slots=True)
class Way:
    """How one product gets to one field.

    Attributes:
        product: Its name.
        goal: "a", "b" or "c".
        commands: What is typed, in order; the last one serves.
        files: What is written by hand.
        query: A first query.
        expected: Its data.
    """

    product: str
    goal: str
    commands: tuple[str, ...]
    query: str
    expected: object
    files: Mapping[str, str] = field(default_factory=dict)


def ways(wheel: str, backend: str) -> list[Way]:
    """Each product's way to each field."""
    install = f"pip install -q {wheel}"
    strawberry = "pip install -q strawberry-graphql[cli]"
    serve = "strawberry dev schema --port PORT"
    posts = {"posts": [{"title": "Hello"}, {"title": "Again"}]}
    users = {"users": [{"id": "7", "isAdmin": False, "age": 36}]}
    get_posts, get_users = "{ posts { title } }", "{ users { id isAdmin age } }"

    def by_hand(text: str) -> dict[str, str]:
        return {"schema.py": text.replace("BACKEND", backend)}

    return [
        Way("gateway", "a", (install, "gateway init app --dev"), get_posts,
            {"posts": [{"title": "A second post"}, {"title": "Hello"}]}),
        Way("Strawberry", "a", (strawberry, serve), "{ hello }", {"hello": "Hello"}, by_hand(STRAWBERRY_PYTHON)),
        Way("gateway", "b", (install, f"gateway init app --rest {backend}/posts.json --dev"),
            get_posts, posts),
        Way("Strawberry", "b", (strawberry, "pip install -q httpx", serve), get_posts, posts, by_hand(STRAWBERRY_REST)),
        Way("gateway", "c", (install, f"gateway init app --php {backend}/users.php --dev"),
            get_users, users),
        Way("Strawberry", "c", (strawberry, "pip install -q httpx", serve), get_users, users, by_hand(STRAWBERRY_PHP)),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """What one way took.

    Attributes:
        install_s: Until pip had ended.
        rest_s: From there to the first right answer.
    """

    way: Way
    install_s: float
    rest_s: float


def measure(way: Way) -> Measured:
    """Go one way in a new environment and a new folder."""
    folder = Path(tempfile.mkdtemp(prefix="first-field-"))
    try:
        venv.create(folder / "venv", with_pip=True)
        env = {**os.environ, "PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"}
        env.pop("PYTHONPATH", None)
        for name, text in way.files.items():
            (folder / name).write_text(text)
        begin = time.perf_counter()
        installs = [command for command in way.commands if command.startswith("pip ")]
        for command in installs:
            subprocess.run(
                command.split(), cwd=folder, env=env, check=True, stderr=subprocess.DEVNULL
            )
        installed = time.perf_counter()
        *others, serve = way.commands[len(installs) :]
        for command in others:
            subprocess.run(command.split(), cwd=folder, env=env, check=True, capture_output=True)
        port = free_port()
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                serve.replace("PORT", str(port)).split(),
                cwd=folder, env={**env, "GATEWAY_SERVER__PORT": str(port)}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            wait_for(way, f"http://127.0.0.1:{port}/graphql", server)
            answered = time.perf_counter()
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)
        return Measured(way, installed - begin, answered - installed)
    finally:
        shutil.rmtree(folder)


def wait_for(way: Way, url: str, server: subprocess.Popen[bytes]) -> None:
    """Ask until the answer is right. Errors: RuntimeError when it is another, or the server ends."""
    body = json.dumps({"query": way.query}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    for _ in range(6000):
        if server.poll() is not None:
            raise RuntimeError(
                f"{way.product} ({way.goal}) ended with exit code {server.returncode}"
            )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as exc:
            raise RuntimeError(f"{way.product} ({way.goal}): {exc.read().decode()}") from exc
        except OSError:
            time.sleep(0.01)
            continue
        if found.get("data") != way.expected:
            raise RuntimeError(f"{way.product} ({way.goal}) answers {found}")
        return
    raise RuntimeError(f"{way.product} ({way.goal}) does not answer")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def lines_of(way: Way) -> int:
    """The lines that somebody writes."""
    return sum(bool(line.strip()) for text in way.files.values() for line in text.splitlines())


def backend() -> ThreadingHTTPServer:
    """A REST service and a PHP page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_php = self.path == "/users.php"
            body = (USERS if is_php else POSTS).encode()
            self.send_response(200)
            self.send_header("content-type", "text/html" if is_php else "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main(measured: Callable[[Way], Measured] = measure) -> None:
    """Print a row for each way."""
    wheel = sys.argv[1] if len(sys.argv) > 1 else str(ROOT)
    server = backend()
    try:
        print("| to a first field | product | commands | lines by hand | pip, s | the rest, s |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        goals = {"a": "in Python", "b": "from REST", "c": "from PHP"}
        for way in ways(wheel, f"http://127.0.0.1:{server.server_port}"):
            row = measured(way)
            print(
                f"| {goals[way.goal]} | {way.product} | {len(way.commands)} | {lines_of(way)}"
                f" | {row.install_s:.1f} | {row.rest_s:.1f} |",
                flush=True,
            )
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    main()
