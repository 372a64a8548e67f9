"""TLS on every transport: whom it trusts, who it says it is, and when it gives up; on real sockets."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from gateway.errors import ConfigError
from gateway.upstream.build_transport import build_transport
from gateway.upstream.settings import SourceSettings
from tests.upstream.wire import Wire, call, code_of, conforms, echo, serving, transport_of


class Certificates:
    """An authority, a server's certificate for `localhost`, and a client's, as files."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self.client_file = str(folder / "client.pem")
        self.authority.cert_pem.write_to_path(self.ca_file)
        client = self.authority.issue_cert("gateway@example.org")
        client.private_key_and_cert_chain_pem.write_to_path(self.client_file)

    def server(self, name: str = "localhost", *, asks_client: bool = False) -> ssl.SSLContext:
        """A server's context; with `asks_client`, only clients of the same authority may come."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name).configure_cert(context)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if asks_client:
            self.authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@conforms
async def test_a_trusted_backend(kind: str, certificates: Certificates) -> None:
    names: list[str | None] = []
    context = certificates.server()
    context.sni_callback = lambda tls, name, _: names.append(name)
    async with (
        serving(echo, tls=context) as server,
        transport_of(kind, tls_ca_file=certificates.ca_file) as transport,
    ):
        body = b"a" * 3_000_000
        assert await call(transport, server.url + "/a") == (200, b"/a ")
        got = await call(transport, server.url + "/b", "POST", body, max_bytes=1 << 23)
        assert got == (200, b"/b " + body)
    assert (server.connections, names) == (1, ["localhost"])
    assert server.asked[0].header("host") == server.url.removeprefix("https://")


@conforms
async def test_http_1_1_is_agreed_on(kind: str, certificates: Certificates) -> None:
    agreed: list[str | None] = []

    async def script(wire: Wire) -> None:
        agreed.append(wire.protocol)
        await echo(wire)

    async with (
        serving(script, tls=certificates.server()) as server,
        transport_of(kind, tls_ca_file=certificates.ca_file) as transport,
    ):
        assert await call(transport, server.url + "/a") == (200, b"/a ")
    assert agreed == ["http/1.1"]


@conforms
async def test_an_unknown_authority_is_refused(kind: str, certificates: Certificates) -> None:
    async with (
        serving(echo, tls=certificates.server()) as server,
        transport_of(kind) as transport,
    ):
        assert await code_of(call(transport, server.url)) == "HTTP_CLIENT_ERROR"
    assert server.asked == []


@conforms
async def test_another_hosts_certificate_is_refused(kind: str, certificates: Certificates) -> None:
    async with (
        serving(echo, tls=certificates.server("elsewhere.test")) as server,
        transport_of(kind, tls_ca_file=certificates.ca_file) as transport,
    ):
        assert await code_of(call(transport, server.url)) == "HTTP_CLIENT_ERROR"
    assert server.asked == []


@conforms
async def test_without_verification_any_certificate_will_do(
    kind: str, certificates: Certificates
) -> None:
    async with (
        serving(echo, tls=certificates.server("elsewhere.test")) as server,
        transport_of(kind, tls_verify=False) as transport,
    ):
        assert await call(transport, server.url + "/a") == (200, b"/a ")


@conforms
async def test_a_backend_that_asks_who_we_are(kind: str, certificates: Certificates) -> None:
    context = certificates.server(asks_client=True)
    ca_file, own = certificates.ca_file, certificates.client_file
    async with serving(echo, tls=context) as server:
        async with transport_of(kind, tls_ca_file=ca_file, tls_client_cert=own) as transport:
            assert await call(transport, server.url + "/a") == (200, b"/a ")
        async with transport_of(kind, tls_ca_file=ca_file) as transport:
            assert await code_of(call(transport, server.url)) == "HTTP_CLIENT_ERROR"
    assert [asked.target for asked in server.asked] == ["/a"]


@conforms
async def test_a_handshake_that_stalls(kind: str, certificates: Certificates) -> None:
    """The backend takes the connection and says nothing: the time for connecting is up."""

    async def script(wire: Wire) -> None:
        await wire.until_closed()

    async with (
        serving(script) as server,
        transport_of(kind, connect_timeout_s=0.05, pool_timeout_s=0.05) as transport,
    ):
        url = server.url.replace("http:", "https:")
        assert await code_of(call(transport, url)) == "GATEWAY_TIMEOUT"
        await server.until_open(0)


@conforms
async def test_a_backend_without_tls(kind: str) -> None:
    async def script(wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(script) as server, transport_of(kind) as transport:
        url = server.url.replace("http:", "https:")
        assert await code_of(call(transport, url)) == "HTTP_CLIENT_ERROR"


@conforms
async def test_cancelled_in_the_handshake(kind: str) -> None:
    begun = asyncio.Event()

    async def script(wire: Wire) -> None:
        begun.set()
        await wire.until_closed()

    async with serving(script) as server, transport_of(kind) as transport:
        task = asyncio.create_task(call(transport, server.url.replace("http:", "https:")))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until_open(0)


@conforms
async def test_certificates_that_cannot_be_loaded(kind: str, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    for name in ("tls_ca_file", "tls_client_cert"):
        for path in ("no.pem", "absent.pem"):
            given = {name: str(tmp_path / path)}
            with pytest.raises(ConfigError, match=r"\.pem (cannot be|holds no)"):
                build_transport(SourceSettings(transport=kind, **given))  # type: ignore[arg-type]
