"""On whose behalf a request comes: the rightmost address that no trusted proxy has, and nobody's word but theirs."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.http.forwarded import (
    Peer,
    TrustedProxies,
    client_key,
    find_open_proxies,
    peer_of,
)

PROXIES = ("10.0.0.0/8", "fd00::/8", "unix")
PROXY = peer_of("10.0.0.1", "http")


def found(headers: dict[str, str], peer: Peer = PROXY, family: Any = "x-forwarded") -> Peer:
    return TrustedProxies(PROXIES, family).resolve(peer, headers)


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("", "10.0.0.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.9.9.9", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1, 10.9.9.9, 10.8.8.8", "192.0.2.1"),
        ("10.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("10.6.6.6, 10.7.7.7", "10.6.6.6"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("::ffff:10.1.1.1, fd00::1", "10.1.1.1"),
        ("6.6.6.6, unknown", "10.0.0.1"),
        ("6.6.6.6, nonsense, 10.9.9.9", "10.9.9.9"),
        ("6.6.6.6,", "10.0.0.1"),
    ],
)
def test_the_rightmost_address_that_no_proxy_has(header: str, address: str) -> None:
    assert found({"x-forwarded-for": header} if header else {}).address == address


def test_nobody_else_is_believed() -> None:
    stranger = peer_of("192.0.2.9", "http")
    headers = {
        "x-forwarded-for": "10.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-prefix": "/api",
        "forwarded": "for=10.0.0.1",
    }
    assert found(headers, stranger) is stranger
    assert found(headers, stranger, "forwarded") is stranger


def test_the_other_family_is_the_clients_own() -> None:
    headers = {"x-forwarded-for": "192.0.2.1", "forwarded": "for=6.6.6.6;proto=https"}
    assert found(headers).address == "192.0.2.1"
    assert found(headers).scheme == ""
    headers = {"forwarded": "for=192.0.2.1", "x-forwarded-for": "6.6.6.6", "x-forwarded-proto": "https"}  # fmt: skip
    assert found(headers, family="forwarded")[:3] == ("192.0.2.1", "192.0.2.1", "")


def test_the_unix_socket_is_a_proxy_where_it_is_named() -> None:
    headers = {"x-forwarded-for": "192.0.2.1"}
    assert found(headers, peer_of("")).address == "192.0.2.1"
    assert TrustedProxies(("10.0.0.1",), "x-forwarded").resolve(peer_of(""), headers).address == ""


@pytest.mark.parametrize(
    ("given", "scheme", "host", "prefix"),
    [
        ({}, "", "", ""),
        ({"proto": "https", "host": "api.example", "prefix": "/api"}, "https", "api.example", "/api"),
        ({"proto": "https, http"}, "https", "", ""),
        ({"proto": "evil, https, http"}, "https", "", ""),
        ({"host": "evil.example, api.example:8443, inner"}, "", "api.example:8443", ""),
        ({"proto": "wss"}, "https", "", ""),
        ({"proto": "javascript", "host": "a b", "prefix": "//evil.example"}, "", "", ""),
        ({"host": "a\"><script>", "prefix": "/\"><script>"}, "", "", ""),
        ({"prefix": "/a/b/"}, "", "", "/a/b"),
        ({"prefix": "https://evil.example"}, "", "", ""),
        ({"prefix": "/a\\evil"}, "", "", ""),
    ],
)  # fmt: skip
def test_scheme_host_and_prefix_of_the_clients_hop(
    given: dict[str, str], scheme: str, host: str, prefix: str
) -> None:
    headers = {f"x-forwarded-{name}": value for name, value in given.items()}
    peer = found({"x-forwarded-for": "6.6.6.6, 192.0.2.1, 10.9.9.9", **headers})
    assert peer == Peer("192.0.2.1", "192.0.2.1", scheme, host, prefix)


@pytest.mark.parametrize(
    ("header", "address", "scheme", "host"),
    [
        ("for=192.0.2.1", "192.0.2.1", "", ""),
        ("For=192.0.2.1;Proto=HTTPS;Host=api.example", "192.0.2.1", "https", "api.example"),
        ('for="[2001:db8::1]:4711";proto=https', "2001:db8::1", "https", ""),
        ('for="192.0.2.1:80", for=10.1.1.1;proto=http', "192.0.2.1", "", ""),
        ("for=6.6.6.6;proto=https, for=192.0.2.1;by=10.0.0.1", "192.0.2.1", "", ""),
        ("for=6.6.6.6, for=unknown", "10.0.0.1", "", ""),
        ("for=6.6.6.6, for=_hidden, for=10.2.2.2", "10.2.2.2", "", ""),
        ("for=6.6.6.6, proto=https", "10.0.0.1", "https", ""),
        ('for="6.6.6.6, for=192.0.2.1', "192.0.2.1", "", ""),
        ('for=", for="[2001:db8::1]"', "2001:db8::1", "", ""),
        (r'for="\", for="[2001:db8::1]"', "2001:db8::1", "", ""),
        ("", "10.0.0.1", "", ""),
    ],
)
def test_forwarded(header: str, address: str, scheme: str, host: str) -> None:
    peer = found({"forwarded": header}, family="forwarded")
    assert (peer.address, peer.scheme, peer.host) == (address, scheme, host)


SENT = st.text(string.ascii_letters + string.digits + ' ",;=\\[]:.-_', max_size=60)


@given(SENT, st.sampled_from(["for=192.0.2.1;proto=https", 'for="[2001:db8::7]:9";proto=https']))
def test_what_a_client_sends_does_not_hide_what_a_proxy_appends(sent: str, appended: str) -> None:
    peer = found({"forwarded": f"{sent}, {appended}"}, family="forwarded")
    assert peer.address in ("192.0.2.1", "2001:db8::7")
    assert peer.scheme == "https"


@given(SENT)
def test_what_a_client_sends_left_of_its_address_is_not_looked_at(sent: str) -> None:
    assert found({"x-forwarded-for": f"{sent}, 192.0.2.1"}).address == "192.0.2.1"


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("a:b", "a:b"),
    ],
)
def test_an_ipv6_host_is_its_network(address: str, key: str) -> None:
    assert client_key(address) == key


@pytest.mark.parametrize(
    ("family", "headers", "expected"),
    [
        ("x-forwarded", {"x-forwarded-host": "api.example", "x-forwarded-proto": "https"}, ("https", "api.example")),
        ("x-forwarded", {"x-forwarded-host": "a.example, b.example", "x-forwarded-proto": "http, https"}, ("https", "b.example")),
        ("forwarded", {"x-forwarded-host": "api.example", "x-forwarded-proto": "https"}, ("", "")),
    ],
    ids=["alone", "last of a list", "another family"],
)  # fmt: skip
def test_host_and_scheme_count_where_the_proxy_does_not_say_who_asked(
    family: Any, headers: dict[str, str], expected: tuple[str, str]
) -> None:
    found = TrustedProxies(["127.0.0.1"], family).resolve(peer_of("127.0.0.1", "http"), headers)
    assert (found.scheme, found.host) == expected
    assert found.address == "127.0.0.1"


@pytest.mark.parametrize("name", ["0.0.0.0/0", "::/0", "10.1.2.3/0"])
def test_a_network_of_every_address_is_told(name: str) -> None:
    (warning,) = find_open_proxies(("unix", "10.0.0.1", name, "10.0.0.0/8", "fd00::/8"))
    assert (warning.code, warning.severity) == ("OpenProxies", "warning")
    assert warning.message.startswith(f"server.trusted_proxies has {name}, which is every address")


def test_networks_of_proxies_are_not() -> None:
    assert find_open_proxies((*PROXIES, "127.0.0.1", "::1")) == []
