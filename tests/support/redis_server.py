"""A real redis-server on a free port of this machine; it keeps nothing on disk."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

START_TIMEOUT_S = 30.0


class RedisServer:
    """One server; `start` and `stop` as often as a test likes, on one port.

    Args:
        folder: Where it runs, and where its log is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers. Errors: RuntimeError."""
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --logfile redis.log"
        self._process = subprocess.Popen(
            ["redis-server", *options.split(), "--save", ""], cwd=self._folder
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "redis.log").read_text(encoding="utf-8"))
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), START_TIMEOUT_S) as client:
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        """End it; what it held is gone."""
        if self._process is not None:
            self.resume()
            self._process.terminate()
            self._process.wait(START_TIMEOUT_S)
            self._process = None

    def pause(self) -> None:
        """Let it hang: it takes connections, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
