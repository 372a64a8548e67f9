"""The command line in a process of its own, many times at the price of one start.

A helper process imports the command line once and forks for each start: what runs in the fork is the command as
a shell starts it, with the environment, the folder and the arguments that it is given.
`python -m tests.support.serving` is the helper.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gateway.app.config import Config
from gateway.app.validated import adapter_of
from gateway.cli.app import GatewayCommands
from gateway.upstream.settings import SourceSettings
from gateway.upstream.tls import build_tls_context
from tests.support.uvicorn_clock import looking_often

ROOT = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 30.0
COMMAND_TIMEOUT_S = 60


class Serving:
    """Starts `gateway serve` and other commands; `close` ends the helper."""

    def __init__(self) -> None:
        self._helper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.serving"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        """End the helper; every server has ended with its block."""
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        self._helper.stdin.close()
        self._helper.wait(START_TIMEOUT_S)
        self._helper.stdout.close()

    def _ask(self, task: Mapping[str, Any]) -> int:
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        self._helper.stdin.write(json.dumps(task) + "\n")
        self._helper.stdin.flush()
        return int(self._helper.stdout.readline())

    @contextmanager
    def serve(
        self, folder: Path, arguments: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Iterator[str]:
        """The URL of a server for the time of a block; what it prints is in `folder / "stderr"`.

        Errors: RuntimeError with what was printed, when it ends in place of listening.
        """
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        whole = ["serve", "--port", str(port), *arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **(env or {})}
        files = [os.devnull, os.devnull, "stderr"]
        pid = self._ask(
            {"folder": str(folder), "arguments": whole, "env": environment, "files": files}
        )
        try:
            if not _listens(pid, port):
                raise RuntimeError((folder / "stderr").read_text(encoding="utf-8"))
            yield f"http://127.0.0.1:{port}"
        finally:
            self._ask({"end": pid})

    def command(
        self, arguments: Sequence[str], folder: Path, env: Mapping[str, str], stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in a folder and with that environment alone."""
        with TemporaryDirectory() as place:
            files = [Path(place, name) for name in ("stdin", "stdout", "stderr")]
            files[0].write_text(stdin, encoding="utf-8")
            task = {"folder": str(folder), "arguments": [*arguments], "env": {**env}}
            pid = self._ask({**task, "files": [str(file) for file in files]})
            code = self._ask({"wait": pid})
            outputs = [file.read_text(encoding="utf-8") for file in files[1:]]
            return subprocess.CompletedProcess([*arguments], code, *outputs)


@cache
def shared_serving() -> Serving:
    """The helper of this process, for commands that end; it ends with the process."""
    serving = Serving()
    atexit.register(serving.close)
    return serving


def _listens(pid: int, port: int) -> bool:
    """Wait until the port is open; False when the process ends first."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return True
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        if state == "Z":
            return False
        time.sleep(0.01)
    return False


def toml(tables: Mapping[str, Any]) -> str:
    """Tables of a configuration as TOML."""
    return "".join(f"{json.dumps(name)} = {_inline(value)}\n" for name, value in tables.items())


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        members = (f"{json.dumps(name)} = {_inline(item)}" for name, item in value.items())
        return f"{{ {', '.join(members)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value)


def _run(task: Mapping[str, Any]) -> None:
    """The child: becomes the command. It never returns."""
    code = 1
    try:
        os.chdir(task["folder"])
        os.environ.clear()
        os.environ.update(task["env"])
        sys.path[0] = task["folder"]
        for number, file in enumerate(task["files"]):
            os.dup2(os.open(file, os.O_RDWR | os.O_CREAT), number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
        sys.argv = ["gateway", *task["arguments"]]
        from gateway.cli import main

        signal.alarm(0 if "serve" in task["arguments"] else COMMAND_TIMEOUT_S)
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _helper() -> None:
    _load()
    for line in sys.stdin:
        task = json.loads(line)
        if (pid := task.get("end")) is not None:
            os.kill(pid, signal.SIGTERM)
        if (pid := task.get("end") or task.get("wait")) is not None:
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            _run(task)
        print(pid, flush=True)


def _load() -> None:
    """Have all that every start loads and makes, so that its fork need not."""
    for command in GatewayCommands.places.values():
        import_module(command.place.partition(":")[0])
    for module in ("gateway.transport.server.protocols", "typer._adapters", "uvicorn.lifespan.off"):
        import_module(module)
    adapter_of(Config)
    build_tls_context(SourceSettings())  # no start has another trust store
    gc.freeze()  # nothing that the forks have to look through


if __name__ == "__main__":
    with looking_often():
        _helper()
