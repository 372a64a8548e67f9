"""On whose behalf a request comes: what trusted proxies say of the client, and of where the client sent it.

Each proxy appends the address that it was asked from, so the client is the rightmost address that no trusted proxy
has. What stands left of it was written by the client, and is not looked at. Without trusted proxies no header is.
No I/O.

Source: RFC 7239 for `Forwarded`; for `X-Forwarded-*` what proxies do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal, NamedTuple

from gateway.errors import Diagnostic

UNIX = "unix"
"""In a list of trusted proxies: whoever connects by the unix socket."""
Family = Literal["x-forwarded", "forwarded"]
# More hops than any request has; beyond it the nearest known address counts.
MAX_HOPS = 32
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~%-]+)+")
# RFC 7239 §4: `for="[2001:db8::1]:4711";proto=https`
_PAIR = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=([^\s",;]*|"(?:[^"\\]|\\.)*")\s*(;|,|$)')


class Peer(NamedTuple):
    """Whom a request comes from.

    Attributes:
        address: Of the client, as text; "" by a unix socket.
        key: Who takes a share of what is limited by client: the address, IPv6 by /64.
        scheme: `http` or `https`, as the client has it; "" where that is not known.
        host: The host that the client asked; "" where the `Host` header says it.
        prefix: The path that a proxy has taken away in front of ours.
    """

    address: str
    key: str
    scheme: str = ""
    host: str = ""
    prefix: str = ""


NOBODY_KNOWN = Peer("", "")


def find_open_proxies(names: Sequence[str]) -> list[Diagnostic]:
    """A warning for each trusted network that has every address: any client writes whom its request comes from."""
    return [
        Diagnostic(
            f"server.trusted_proxies has {name}, which is every address: whoever connects says which address is his",
            code="OpenProxies",
            hint="name the networks of the proxies alone",
            severity="warning",
        )
        for name in names
        if name != UNIX and ip_network(name, strict=False).prefixlen == 0
    ]


def peer_of(address: str, scheme: str = "") -> Peer:
    """Who is at the other end of a connection."""
    return Peer(address, client_key(address), scheme)


@lru_cache(4096)
def client_key(address: str) -> str:
    """Who an address stands for: an IPv6 host has a whole /64 to itself."""
    if ":" not in address:
        return address
    parsed = _parsed(address)
    if not isinstance(parsed, IPv6Address):
        return str(parsed) if parsed is not None else address
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"


class TrustedProxies:
    """Whose word is taken.

    Args:
        trusted: Addresses and networks, and `unix`.
        family: Which headers they write. The others are the client's own, and are not read.
    """

    def __init__(self, trusted: Sequence[str], family: Family) -> None:
        self._networks = [ip_network(each, strict=False) for each in trusted if each != UNIX]
        self._trusts_unix = UNIX in trusted
        self._read: Callable[[Mapping[str, str]], list[Hop]]
        self._read = read_forwarded if family == "forwarded" else read_x_forwarded
        self._family = family
        self.trusts = lru_cache(4096)(self._trusts)

    def _trusts(self, address: str) -> bool:
        """Whether an address is a trusted proxy's."""
        if not address:
            return self._trusts_unix
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)

    def resolve(self, peer: Peer, headers: Mapping[str, str]) -> Peer:
        """The client of a request that a peer has sent."""
        if not self.trusts(peer.address):
            return peer
        address, hop = peer.address, None
        for hop in reversed(self._read(headers)[-MAX_HOPS:]):
            if not hop.address:
                break  # hidden or malformed: who sent it to the last proxy that we know is not known
            address = hop.address
            if not self.trusts(address):
                break
        if hop is None:
            hop = self._unnamed(headers)
        return Peer(
            address,
            client_key(address),
            hop.scheme,
            hop.host,
            # RFC 7239 has no parameter for it, and the other family's headers are the client's own.
            _prefix(headers.get("x-forwarded-prefix", "")) if self._family == "x-forwarded" else "",
        )

    def _unnamed(self, headers: Mapping[str, str]) -> Hop:
        """What the proxy that we know says of who asked it, where it does not say who."""
        if self._family == "forwarded":
            return Hop("", "", "")
        schemes = _listed(headers.get("x-forwarded-proto", ""))
        hosts = _listed(headers.get("x-forwarded-host", ""))
        return Hop("", _scheme(_beside(schemes, 1)), _host(_beside(hosts, 1)))


class Hop(NamedTuple):
    """What one proxy says of who asked it.

    Attributes:
        address: "" where it is none.
        scheme: "" where it says none.
        host: "" where it says none.
    """

    address: str
    scheme: str
    host: str


def read_x_forwarded(headers: Mapping[str, str]) -> list[Hop]:
    """`X-Forwarded-For`, with `-Proto` and `-Host`: lists that proxies append to, or one value of the first of them."""
    addresses = _listed(headers.get("x-forwarded-for", ""))
    schemes = _listed(headers.get("x-forwarded-proto", ""))
    hosts = _listed(headers.get("x-forwarded-host", ""))
    count = len(addresses)
    return [
        Hop(
            _address(each), _scheme(_beside(schemes, count - at)), _host(_beside(hosts, count - at))
        )
        for at, each in enumerate(addresses)
    ]


def read_forwarded(headers: Mapping[str, str]) -> list[Hop]:
    """`Forwarded`. What follows a part that is not well-formed was written by proxies behind it: it counts."""
    text = headers.get("forwarded", "")
    hops: list[Hop] = []
    pairs: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            # Up to the next element: this one has no address.
            comma = text.find(",", at)
            hops.append(Hop("", "", ""))
            pairs, at = {}, len(text) if comma < 0 else comma + 1
            continue
        name, value, end = found.groups()
        pairs[name.lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value
        at = found.end()
        if end != ";":
            hops.append(_hop(pairs))
            pairs = {}
    return [*hops, _hop(pairs)] if pairs else hops


def _hop(pairs: Mapping[str, str]) -> Hop:
    return Hop(
        _address(pairs.get("for", "")),
        _scheme(pairs.get("proto", "")),
        _host(pairs.get("host", "")),
    )


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


def _beside(values: Sequence[str], from_right: int) -> str:
    """The value that belongs to an address, counted from the right; a shorter list is the first proxy's."""
    if not values:
        return ""
    return values[-from_right] if from_right <= len(values) else values[0]


def _address(text: str) -> str:
    """An address without its port; "" for what is none: `unknown`, a hidden name, nonsense."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    parsed = _parsed(text)
    return str(parsed) if parsed is not None else ""


# The network 64:ff9b::/96, in which IPv4 clients come through a translator: else all of them were one /64. RFC 6052
NAT64 = 0x0064FF9B << 64


@lru_cache(4096)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(parsed, IPv6Address):
        return parsed
    if int(parsed) >> 32 == NAT64:
        return IPv4Address(int(parsed) & 0xFFFFFFFF)
    return parsed.ipv4_mapped or parsed


def _scheme(text: str) -> str:
    """`http` or `https`; WebSockets have them too."""
    known = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
    return known.get(text.strip().lower(), "")


def _host(text: str) -> str:
    return text if _HOST.fullmatch(text) else ""


def _prefix(text: str) -> str:
    """It stands in the page's addresses: a path and nothing else."""
    text = text.strip().rstrip("/")
    return text if _PREFIX.fullmatch(text) else ""
