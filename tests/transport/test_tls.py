"""TLS at the listener: certificates that change, pairs that cannot be served, clients that do not end a handshake."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from typer.testing import CliRunner

from gateway.app.gateway import Gateway
from gateway.app.reload.inputs import Origin
from gateway.cli.app import app
from gateway.transport.server.certificates import Certificates
from gateway.transport.server.connections import RESERVE
from gateway.transport.server.handshakes import HttpsProtocol, TlsHandshake
from tests.transport.served import Served, served
from tests.transport.test_listener import ASK, serving, write_project
from tests.transport.wire.clock import Clock
from tests.transport.wire.test_connections import until

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PASSPHRASE = serialization.BestAvailableEncryption(b"secret")
PLAIN = serialization.NoEncryption()
RSA, ECDSA = trustme.KeyType.RSA, trustme.KeyType.ECDSA
HEADER_TIMEOUT_S = 10
LIVE = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n"


class Issued:
    """A certificate authority, and the files that a listener reads."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.cert, self.key = folder / "tls.crt", folder / "tls.key"
        self.client = ssl.create_default_context()
        self.ca.configure_trust(self.client)

    def issue(self, *names: str, **more: Any) -> None:
        """A pair for localhost and other names."""
        found = self.ca.issue_cert("127.0.0.1", "localhost", *names, **more)
        self.key.write_bytes(found.private_key_pem.bytes())
        self.cert.write_bytes(b"".join(blob.bytes() for blob in found.cert_chain_pems))

    def sign(self, key: Any, *extensions: x509.ExtensionType, begins: timedelta = -HOUR) -> None:
        """A pair as no authority would issue it."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now + begins).not_valid_after(now + begins + 30 * DAY)
        for extension in extensions:
            made = made.add_extension(extension, critical=False)
        self.cert.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))  # fmt: skip
        self.write_key(key)

    def write_key(self, key: Any, encryption: Any = PLAIN) -> None:
        """A key of any kind."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
        self.key.write_bytes(key.private_bytes(*form, encryption))

    @property
    def table(self) -> str:
        """Of the configuration."""
        return f'[server.tls]\ncert = "{self.cert}"\nkey = "{self.key}"\n'


@pytest.fixture
def issued(tmp_path: Path) -> Issued:
    found = Issued(tmp_path)
    found.issue()
    return found


@asynccontextmanager
async def https(folder: Path, issued: Issued, more: str = "") -> AsyncIterator[Served]:
    """A server in this loop."""
    config = write_project(folder, f"{more}\n{issued.table}")
    async with served(config, TlsHandshake) as running:
        yield running


Loop = Callable[[], asyncio.AbstractEventLoop]
on_both_loops = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])  # fmt: skip


def run_on(loop: Loop, test: Coroutine[Any, Any, None]) -> None:
    """Run a test on a loop of its own."""
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(test)


async def names_of(port: int, client: ssl.SSLContext) -> list[str]:
    """The names in the certificate that a new connection gets."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="localhost")  # fmt: skip
    certificate = writer.get_extra_info("peercert")
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return [name for kind, name in certificate["subjectAltName"] if kind == "DNS"]


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_tls_at_the_listener(tmp_path: Path, issued: Issued, workers: str) -> None:
    config = write_project(tmp_path, issued.table)
    async with serving(config, "--port", "0", "--workers", workers) as said:
        url = said[said.index("https://") :].partition(";")[0]
        async with httpx.AsyncClient(verify=issued.client) as http:
            for _ in range(3):  # on one connection
                answer = await http.post(url, json=ASK)
                assert answer.json() == {"data": {"hello": "hello"}}
            assert "date" in answer.headers
            assert "server" not in answer.headers
        issued.client.set_alpn_protocols(["h2", "http/1.1"])
        port = httpx.URL(url).port
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=issued.client)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()


@on_both_loops
@pytest.mark.parametrize(("before", "after"), [(RSA, RSA), (RSA, ECDSA), (ECDSA, RSA)])
def test_new_connections_get_the_new_certificate(
    tmp_path: Path, issued: Issued, loop: Loop, before: Any, after: Any
) -> None:
    """Also where the key is of another algorithm: OpenSSL keeps a certificate for each in one context."""

    async def test() -> None:
        async with https(tmp_path, issued) as running, AsyncExitStack() as stack:
            certificates = running.app.certificates
            assert certificates is not None
            http = await stack.enter_async_context(httpx.AsyncClient(verify=issued.client))
            url = running.url.replace("http:", "https:")
            assert (await http.post(url, json=ASK)).status_code == 200
            issued.issue("renewed", key_type=after, not_after=datetime.now(UTC) + 30 * DAY)
            certificates.look()
            assert await names_of(running.port, issued.client) == ["localhost", "renewed"]
            renewed = x509.load_pem_x509_certificate(issued.cert.read_bytes())
            assert certificates.expires_s == renewed.not_valid_after_utc.timestamp()
            if before is not after:
                # A client that knows the old one's algorithm alone gets nothing.
                old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                issued.ca.configure_trust(old)
                old.maximum_version = ssl.TLSVersion.TLSv1_2
                old.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256" if before is RSA else "ECDHE-ECDSA-AES128-GCM-SHA256")  # fmt: skip
                with pytest.raises((ConnectionError, ssl.SSLError)):
                    await names_of(running.port, old)
            assert (await http.post(url, json=ASK)).status_code == 200  # what was open goes on

    issued.issue(key_type=before)
    run_on(loop, test())


def replace_key(one: Issued, make: Callable[[Path], None]) -> None:
    """Something else in the place of the key."""
    one.key.unlink()
    make(one.key)


def bad_pairs() -> dict[str, tuple[Callable[[Issued], Any], str]]:
    """What may come in the place of a good pair, and what is said of it."""
    key = rsa.generate_private_key(65537, 2048)
    now = datetime.now(UTC)
    client_only = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return {
        "half": (lambda one: one.cert.write_text("half a certif"), r"tls\.crt holds no certificate"),
        "gone": (lambda one: one.cert.unlink(), r"tls\.crt cannot be read: No such file"),
        "no key": (lambda one: one.key.unlink(), r"tls\.key cannot be read: No such file"),
        "empty": (lambda one: one.key.write_text(""), r"tls\.key holds no private key"),
        "folder": (lambda one: replace_key(one, Path.mkdir), r"tls\.key is not a file"),
        "pipe": (lambda one: replace_key(one, os.mkfifo), r"tls\.key is not a file"),
        "other key": (lambda one: one.write_key(key), r"tls\.key is not the key of"),
        "other kind": (lambda one: one.write_key(ec.generate_private_key(ec.SECP256R1())), r"is not the key of"),
        "encrypted": (lambda one: one.write_key(key, PASSPHRASE), r"tls\.key is encrypted with a passphrase"),
        "ended": (lambda one: one.issue("x", not_before=now - 9 * DAY, not_after=now - DAY), r"certificate has expired"),
        "not begun": (lambda one: one.sign(key, begins=5 * DAY), r"certificate is not yet valid"),
        "for clients": (lambda one: one.sign(key, client_only), r"unsuitable certificate purpose"),
        "weak": (lambda one: one.sign(rsa.generate_private_key(65537, 1024)), r"(?i)key too small"),
        "curve": (lambda one: one.sign(ec.generate_private_key(ec.SECP256K1())), r"no client can be served"),
    }  # fmt: skip


BAD = bad_pairs()


@pytest.mark.parametrize("which", BAD)
def test_a_pair_that_no_client_takes_does_not_replace_a_good_one(
    issued: Issued, caplog: pytest.LogCaptureFixture, which: str
) -> None:
    spoil, words = BAD[which]
    certificates = Certificates(str(issued.cert), str(issued.key))
    context, expires_s = certificates.context, certificates.expires_s
    spoil(issued)
    for _ in range(3):  # said once
        certificates.look()
    assert (certificates.context, certificates.expires_s) == (context, expires_s)
    (line,) = caplog.messages
    assert line.startswith("the certificate that is served stays: ")
    assert re.search(words, line), line
    if issued.key.is_dir():
        issued.key.rmdir()
    issued.key.unlink(missing_ok=True)
    issued.issue("mended")
    certificates.look()
    assert certificates.context is not context


def test_what_is_refused_is_looked_at_again(issued: Issued) -> None:
    """A certificate that begins later does not change when it begins; nor does a stamp that is too coarse."""
    certificates = Certificates(str(issued.cert), str(issued.key))
    context = certificates.context
    issued.issue("next", key_type=ECDSA)
    good = issued.key.read_bytes()
    stamp = issued.key.stat().st_mtime_ns
    issued.key.write_bytes(b"x" * len(good))
    os.utime(issued.key, ns=(stamp, stamp))
    certificates.look()
    assert certificates.context is context
    issued.key.write_bytes(good)
    os.utime(issued.key, ns=(stamp, stamp))
    certificates.look()
    assert certificates.context is not context


def test_of_two_that_no_client_takes_the_files_count(issued: Issued) -> None:
    """As they would after a restart."""
    now = datetime.now(UTC)
    issued.issue(not_before=now - 9 * DAY, not_after=now - 2 * DAY)
    certificates = Certificates(str(issued.cert), str(issued.key))
    before_s = certificates.expires_s
    issued.issue(not_before=now - 9 * DAY, not_after=now - DAY)
    certificates.look()
    assert certificates.expires_s != before_s


def ran(*arguments: str) -> tuple[int, str, str]:
    """A command's exit code, and what it has said."""
    found = CliRunner().invoke(app, arguments)
    return found.exit_code, found.stdout, found.stderr


@pytest.mark.parametrize(
    "which", [name for name in BAD if name not in ("gone", "no key", "folder", "pipe")]
)
def test_the_check_looks_at_the_pair(tmp_path: Path, issued: Issued, which: str) -> None:
    """As the start does; a file that is not there is a mistake of the configuration anyway."""
    spoil, words = BAD[which]
    config = write_project(tmp_path, issued.table)
    assert ran("check", "--config", str(config))[:2] == (0, "")
    spoil(issued)
    code, out, err = ran("check", "--config", str(config))
    assert code in (1, 2)
    assert re.search(words, out + err), out + err
    assert re.search(r"gateway\.toml:\d+: ", out + err)


def test_a_certificate_that_ends_soon_is_told(tmp_path: Path, issued: Issued) -> None:
    issued.issue(not_after=datetime.now(UTC) + 2 * DAY)
    config = write_project(tmp_path, issued.table)
    code, out, _ = ran("check", "--config", str(config))
    assert (code, "warning: the certificate in" in out, "ends at" in out) == (0, True, True)


async def test_what_is_said_of_a_certificate_at_the_start_is_a_line_of_the_log(
    tmp_path: Path, issued: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    """It is served all the same: whoever does not look at it, as some load balancers, goes on."""
    now = datetime.now(UTC)
    issued.issue(not_before=now - 9 * DAY, not_after=now - DAY)
    gateway = Gateway.load(Origin(write_project(tmp_path, issued.table)), {})
    assert caplog.messages == []
    gateway.owns_process = True
    async with gateway.lifespan():
        assert any("certificate has expired" in line for line in caplog.messages)
    assert gateway.certificates is not None
    ((_, _, ends_s),) = gateway.certificates.samples()
    assert ends_s == gateway.certificates.expires_s < now.timestamp()


def hello(server_hostname: str) -> bytes:
    """The first bytes of a client that means it."""
    out = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=server_hostname)  # fmt: skip
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


SILENT = {
    "nothing": b"",
    "a record's head": b"\x16\x03\x01\x02\x00\x01",
    "a hello": hello("localhost"),
}


@on_both_loops
@pytest.mark.parametrize("first", SILENT)
def test_a_handshake_is_a_connection_with_a_deadline(
    tmp_path: Path, issued: Issued, loop: Loop, first: str
) -> None:
    async def test() -> None:
        async with https(tmp_path, issued) as running:
            registry, clients = running.app.connections, []
            for _ in range(5):
                clients.append(await asyncio.open_connection("127.0.0.1", running.port))
                clients[-1][1].write(SILENT[first])
            await until(lambda: len(registry.open) == 5)
            assert len(running.connections) == 5
            if first == "a hello":  # it is answered, and not ended
                for reader, _ in clients:
                    assert (await reader.read(1)) == b"\x16"
            clock = Clock(running.app)
            await clock.advance(HEADER_TIMEOUT_S - 1)
            assert len(registry.open) == 5
            await clock.advance(1.5)
            assert not registry.open
            assert registry.timed_out == {**dict.fromkeys(registry.timed_out, 0), "handshake": 5}
            for reader, writer in clients:
                with suppress(OSError):
                    await reader.read()
                writer.close()
            await until(lambda: not running.connections)
            assert await names_of(running.port, issued.client) == ["localhost"]

    run_on(loop, test())


@on_both_loops
@pytest.mark.parametrize(
    "first", [b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b""]
)
def test_what_is_no_handshake_leaves_nothing(
    tmp_path: Path, issued: Issued, loop: Loop, first: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with https(tmp_path, issued) as running:
            descriptors = len(os.listdir("/proc/self/fd"))
            for _ in range(10):
                reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
                writer.write(first)
                writer.write_eof()
                with suppress(OSError):
                    await reader.read()
                writer.close()
            await until(lambda: not running.app.connections.open and not running.connections)
            await until(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)

    run_on(loop, test())
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@on_both_loops
def test_handshakes_count_and_health_is_answered_beyond_the_limit(
    tmp_path: Path, issued: Issued, loop: Loop
) -> None:
    async def ask(port: int, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=issued.client)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer

    async def test() -> None:
        async with https(tmp_path, issued, "[server]\nmax_connections = 4") as running:
            registry = running.app.connections
            clients = [
                await asyncio.open_connection("127.0.0.1", running.port) for _ in range(RESERVE + 9)
            ]
            await until(lambda: sum(registry.rejected.values()) == 5)
            assert len(registry.open) == 4 + RESERVE
            assert (await ask(running.port, LIVE)).startswith(b"HTTP/1.1 200")
            ready = LIVE.replace(b"live", b"ready")
            assert (await ask(running.port, ready)).startswith(b"HTTP/1.1 200")
            assert (await ask(running.port, LIVE.replace(b"/health/live", b"/graphql"))).startswith(b"HTTP/1.1 503")  # fmt: skip
            for _, writer in clients:
                writer.close()
            await until(lambda: not registry.open and not registry.reserve)

    run_on(loop, test())


@on_both_loops
def test_a_handshake_does_not_keep_the_server_from_its_end(
    tmp_path: Path, issued: Issued, loop: Loop
) -> None:
    async def test() -> None:
        async with https(tmp_path, issued) as running:
            _, writer = await asyncio.open_connection("127.0.0.1", running.port)
            await until(lambda: len(running.connections) == 1)
            await running.stop()
            assert not running.connections
            writer.close()

    run_on(loop, test())


@on_both_loops
def test_an_idle_connection_is_counted_once(tmp_path: Path, issued: Issued, loop: Loop) -> None:
    """TLS ends when both sides have said so; a client that says nothing is late once."""

    async def test() -> None:
        async with https(tmp_path, issued) as running:
            client = socket.create_connection(("127.0.0.1", running.port))
            wrapped = await asyncio.to_thread(issued.client.wrap_socket, client, server_hostname="localhost")  # fmt: skip
            registry = running.app.connections
            await until(lambda: any(isinstance(one, HttpsProtocol) for one in registry.open))
            clock = Clock(running.app)
            for _ in range(3):
                await clock.advance(76)  # keepalive_s
            assert registry.timed_out["idle"] == 1
            wrapped.close()
            await until(lambda: not registry.open)

    run_on(loop, test())
