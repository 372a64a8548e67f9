"""Where pods would connect to: every URL of the configuration is one, leads somewhere else, and may be reached.

As in `policies`: one function, one rule, words that name the object. Pure.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.app.config import Config
from gateway.release.configured import (
    HIDDEN_HOST,
    PodSettings,
    pod_settings,
    texts_of,
    variables_of,
)
from gateway.release.manifests import containers, pod_specs
from gateway.release.model import Object, Target
from gateway.release.reach import Address, egress, is_node_own, lets, parse_network
from gateway.settings.urls import without_credentials

PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}
PROXY = re.compile(r"(?i)(https?|all|ftp)_proxy$")
_HOST = re.compile(r"[\w.-]+$|[0-9a-f:.]+(%.*)?$")
# What the inet_aton of every libc takes for an address: 0x7f000001, 127.1, 2130706433.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+)){0,3}$")


def reachable_sources(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Each URL is one, on a host that targets.yaml knows, at an address and port that pods may connect to.

    Whoever serves key sets makes tokens, and whoever has Redis has kept answers: not sources alone are held to it.
    """
    rules, own = egress(objects), _services(objects)
    for pod in pod_settings(objects, target.image_config):
        for at, url, schemes in _urls(pod):
            is_own = _host_of(url) in own
            hosts = () if is_own and not at.startswith("sources.") else target.source_hosts
            known = set() if is_own else rules
            for problem in url_problems(url, schemes, target, hosts, known):
                yield f"{pod.name}: {at} {shown_url(url)} {problem}"
        for source, table in (pod.config.sources if pod.config else {}).items():
            if not _is_remote(target):
                continue
            if not table.tls_verify:
                yield f"{pod.name}: sources.{source}.tls_verify is false: anybody between may answer for it"
            if table.unix_socket is not None and not _is_shared(pod, table.unix_socket):
                yield f"{pod.name}: sources.{source}.unix_socket: nothing in the pod listens there"


def _services(objects: Sequence[Object]) -> set[str]:
    """The release's own services, which the chart's NetworkPolicy names by their pods."""
    return {item["metadata"]["name"] for item in objects if item["kind"] == "Service"}


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None  # said by `url_problems`


def known_proxies(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A proxy sees all that the gateway asks for: pods may connect to it, and it is not the pod itself."""
    rules = egress(objects)
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            given, referred = variables_of(container)
            for variable in sorted(referred):
                if PROXY.match(variable):
                    yield f"{name}: {variable} comes from a Secret: nobody sees through whom the gateway asks"
            for variable, url in given.items():
                if PROXY.match(variable) and url:
                    for problem in url_problems(
                        url, ("http", "https"), target, target.source_hosts, rules
                    ):
                        yield f"{name}: {variable} {shown_url(url)} {problem}"


def _urls(pod: PodSettings) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each URL that the gateway itself would ask: its key, itself, the schemes that it may have."""
    http = ("http", "https")
    if pod.config is None:
        # It does not start; what is wrong with a URL is said all the same.
        for tables in (pod.written, pod.overrides):
            for at, text in texts_of(tables):
                if at[:1] == ("sources",) and at[-1] == "url" and "${" not in text:
                    yield ".".join(at), text, http
        return
    config: Config = pod.config
    metrics, tracing = config.telemetry.metrics, config.telemetry.tracing
    found: list[tuple[str, str | None, tuple[str, ...]]] = [
        *((f"sources.{name}.url", table.url, http) for name, table in config.sources.items()),
        *(
            (f"authentication.jwt.jwks.{number}.url", item.url, http)
            for number, item in enumerate(config.authentication.jwt.jwks)
        ),
        ("telemetry.metrics.otlp_endpoint", metrics.otlp_endpoint, http),
        ("telemetry.tracing.endpoint", tracing.endpoint, http),
        ("redis.url", config.redis.url, ("redis", "rediss")),
    ]
    yield from ((at, url, schemes) for at, url, schemes in found if url)


def _is_shared(pod: PodSettings, path: str) -> bool:
    """Whether another container may have put a socket there: in a volume, and not the /tmp that is the gateway's."""
    mounts = [str(item["mountPath"]) for item in pod.container.get("volumeMounts", [])]
    return any(path.startswith(mount.rstrip("/") + "/") for mount in mounts if mount != "/tmp")  # noqa: S108


def _is_remote(target: Target) -> bool:
    return target.environment != "dev"


def shown_url(url: str) -> str:
    """A URL without what may be secret in it: scheme, host and port."""
    try:
        parts = urlsplit(without_credentials(url).replace("***@", ""))
        return repr(f"{parts.scheme}://{parts.netloc}") if parts.netloc else "…"
    except ValueError:
        return "…"


def url_problems(
    url: str, schemes: Sequence[str], target: Target, hosts: Sequence[str], rules: set[Any]
) -> Iterator[str]:
    """What is wrong with a URL that pods would connect to, in words that follow it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        yield "is not a URL"
        return
    if host and not _HOST.match(host):
        yield "is not a URL"
        return
    if parts.scheme not in schemes or not host:
        yield f"is not an {' or '.join(schemes)} URL with a host"
        return
    if not _is_remote(target) or HIDDEN_HOST in host:
        return  # a Secret's, where it may be one: `settings_are_seen`
    host = host.rstrip(".")
    port = port or PORTS[parts.scheme]
    address = _address(host)
    if (
        host == "localhost"
        or host.endswith(".localhost")
        or (address and (address.is_loopback or address.is_unspecified))
    ):
        yield "is the pod itself, where no source runs"
        return
    if address is not None and (address.is_multicast or is_node_own(address)):
        yield "is the node's own: its metadata service holds credentials"
        return
    if hosts and not any(_fits(host, known) for known in hosts):
        yield f"is on none of the hosts that targets.yaml knows: {', '.join(hosts)}"
    if not rules:
        return
    if address is not None and not lets(rules, parse_network(str(address)), port):
        yield "is where the NetworkPolicy lets no pod connect to"
    elif port not in {allowed for _, allowed in rules}:
        yield f"has port {port}, to which the NetworkPolicy lets no pod connect"


def _address(host: str) -> Address | None:
    """The address that a host is, in whichever spelling a resolver takes; None for a name."""
    if _NUMERIC.match(host):
        try:
            return ipaddress.ip_address(socket.inet_aton(host))
        except OSError:
            return None
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        return found.ipv4_mapped or found.sixtofour or _translated(found) or found
    return found


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address behind NAT64's 64:ff9b::/96, and behind ::127.0.0.1."""
    high = int(address) >> 32
    if high == 0x0064FF9B << 64 or (high == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _fits(host: str, known: str) -> bool:
    """`.example.com` is every name below it."""
    return host == known or (known.startswith(".") and host.endswith(known))
