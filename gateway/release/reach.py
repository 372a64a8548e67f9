"""Who reaches what: hosts that clients come by, and networks that pods may connect to.

Read from planned and running objects alike, so that what a release takes away can be told. Pure.
"""

# ruff: noqa: ARG001 -- the rules of one table share one signature
from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.release.model import RELEASE, Facts, Object, Refusal, Target

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# A node's own: loopback, link-local with most clouds' metadata services, and those that stand elsewhere: AWS' and
# Google's by IPv6, Alibaba's, Oracle's.
NODE_OWN: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32", "::/127", "fe80::/10",
         "fd00:ec2::254/128", "fd20:ce::254/128"),
    )
)  # fmt: skip
# IPv4 addresses written by IPv6: mapped, and as NAT64 translates them.
_BY_IPV6 = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
# Where machines and clusters are ruled from, which no API is behind: ssh, telnet, Docker, etcd, remote desktops, WinRM,
# Kubernetes' API server, its controllers and kubelets.
_OF_RULERS = frozenset(
    {22, 23, 2375, 2376, 2379, 2380, 3389, 5900, 5985, 5986, 6443, 10250, 10255, 10257, 10259}
)
# Public addresses that all of egress lets pods connect to, by the version: a network /8, and one /16.
_MOST_PUBLIC = {4: 2**24, 6: 2**112}


def hosts(objects: Sequence[Object]) -> set[str]:
    """`host/api.example.com via public`: each name with what answers it, an ingress class or a parent."""
    found = set()
    for item in objects:
        spec = item.get("spec") or {}
        if item["kind"] == "Ingress":
            via = spec.get("ingressClassName", "")
            found |= {f"host/{rule['host']} via {via}" for rule in spec.get("rules", [])}
        elif item["kind"] == "HTTPRoute":
            parents = [
                "/".join(filter(None, (ref.get("namespace"), ref["name"], ref.get("sectionName"))))
                for ref in spec.get("parentRefs", [])
            ]
            names = spec.get("hostnames", [])
            found |= {f"host/{name} via {parent}" for name in names for parent in parents}
    return found


def egress(objects: Sequence[Object]) -> set[tuple[Network, int]]:
    """Networks and ports that the gateway's pods may connect to, DNS within the cluster left out."""
    found: set[tuple[Network, int]] = set()
    for item in objects:
        if item["kind"] != "NetworkPolicy":
            continue
        for rule in (item.get("spec") or {}).get("egress") or []:
            ports = [int(port["port"]) for port in rule.get("ports", [])]
            networks = [_network(cidr) for cidr in _blocks(rule)]
            found |= {(network, port) for network in networks if network for port in ports}
    return found


def _blocks(rule: Mapping[str, Any]) -> list[str]:
    return [str(to["ipBlock"]["cidr"]) for to in rule.get("to", []) if "ipBlock" in to]


def _network(cidr: str) -> Network | None:
    try:
        return parse_network(cidr)
    except ValueError:
        return None  # said by `networks_are_some`


def networks_are_some(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Each CIDR of a NetworkPolicy is one: the API server refuses 10.8.0.0/99 half-way."""
    for item in objects:
        if item["kind"] == "NetworkPolicy":
            for rule in (item.get("spec") or {}).get("egress") or []:
                for cidr in _blocks(rule):
                    if _network(cidr) is None:
                        yield f"NetworkPolicy/{RELEASE}: {cidr} is no network"


def parse_network(cidr: str) -> Network:
    """A CIDR, host bits allowed. Errors: ValueError."""
    return ipaddress.ip_network(cidr, strict=False)


def lets(rules: Collection[tuple[Network, int]], network: Network, port: int) -> bool:
    """Whether rules let pods connect to all of a network at a port."""
    return any(
        allowed == port and network.version == wide.version and network.subnet_of(wide)  # type: ignore[arg-type]
        for wide, allowed in rules
    )


def nothing_cut_off(
    objects: Sequence[Object], target: Target, facts: Facts, allowed: Collection[str] = ()
) -> Iterator[Refusal]:
    """What clients come by and what pods connect to now is there afterwards too, or is named."""
    before = facts.running.objects if facts.running else ()
    for name in sorted(hosts(before) - hosts(objects) - set(allowed)):
        yield Refusal(
            "HostRemoved",
            f"{name} is served now and is not in this release; name it with --delete '{name}' if that is meant",
            f"cut off everybody who comes to {target} by that name",
        )
    for name in sorted(_ports(before) - _ports(objects) - set(allowed)):
        yield Refusal(
            "PortRemoved",
            f"{name} is served now and is not in this release; name it with --delete {name} if that is meant",
            "cut off whoever in the cluster comes by it, which an Ingress need not do",
        )
    callers = may_come(objects)
    for name in sorted((may_come(before) or set()) - (callers or set()) - set(allowed)):
        if callers is None or f"ingress/*:{name.partition(':')[2]}" in callers:
            continue
        yield Refusal(
            "IngressRemoved",
            f"pods may be connected to by {name} now and may not in this release; name it with --delete {name} if that "
            "is meant",
            f"cut off what comes to {target} from there: the ingress controller, or Prometheus",
        )
    rules = egress(objects)
    walled = any(item["kind"] == "NetworkPolicy" for item in objects)
    for network, port in sorted(egress(before), key=str) if walled else ():
        name = f"egress/{network}:{port}"
        if name not in allowed and not lets(rules, network, port):
            yield Refusal(
                "EgressRemoved",
                f"pods may connect to {network} port {port} now and may not in this release; "
                f"name it with --delete {name} if that is meant",
                "cut pods off from the sources that are there",
            )


def _ports(objects: Sequence[Object]) -> set[str]:
    """`port/gateway:80`: what pods of the cluster come by."""
    return {
        f"port/{RELEASE}:{port.get('port')}"
        for item in objects
        if item["kind"] == "Service" and item["metadata"]["name"] == RELEASE
        for port in (item.get("spec") or {}).get("ports") or []
    }


def may_come(objects: Sequence[Object]) -> set[str] | None:
    """`ingress/public:http`: namespaces that may connect to pods, by port, `*` for any. None without a wall."""
    walls = [item for item in objects if item["kind"] == "NetworkPolicy"]
    if not walls:
        return None
    found = set()
    for item in walls:
        for rule in (item.get("spec") or {}).get("ingress") or []:
            ports = [str(port.get("port")) for port in rule.get("ports", [])] or ["*"]
            found |= {f"ingress/{name}:{port}" for name in _callers(rule) for port in ports}
    return found


def _callers(rule: Mapping[str, Any]) -> list[str]:
    if not rule.get("from"):
        return ["*"]
    labels = [one.get("namespaceSelector", {}).get("matchLabels", {}) for one in rule["from"]]
    return [
        str(found["kubernetes.io/metadata.name"])
        for found in labels
        if "kubernetes.io/metadata.name" in found
    ]


def served(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """The names that targets.yaml says this region serves: its own, and those of all regions."""
    names = {name.partition("/")[2].partition(" via ")[0] for name in hosts(objects)}
    own = urlsplit(target.smoke).hostname if target.smoke and not target.preview else None
    is_test = own in ("127.0.0.1", "localhost", "::1")
    for wanted in dict.fromkeys(
        [*([own] if own and not is_test else []), *(() if target.preview else target.hosts)]
    ):
        if wanted not in names:
            yield f"no Ingress or HTTPRoute serves {wanted}, which targets.yaml names for {target}"


def egress_makes_sense(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Pods reach their sources, and not everything."""
    if target.environment == "dev" or not any(i["kind"] == "NetworkPolicy" for i in objects):
        return
    rules = egress(objects)
    has_demo = any(item["kind"] == "Deployment" and _is_demo(item) for item in objects)
    if not rules and not has_demo:
        yield f"NetworkPolicy/{RELEASE}: pods may connect to DNS and nothing else, so no source is reached"
    for network, port in sorted(rules, key=str):
        if port in _OF_RULERS:
            yield f"NetworkPolicy/{RELEASE}: {network} port {port}: machines and clusters are ruled by it, and no source is there"
    networks = {_without_ipv6(network) for network, _ in rules}
    for version, most in _MOST_PUBLIC.items():
        wide = _public_addresses([n for n in networks if n.version == version])
        if wide > most:
            yield f"NetworkPolicy/{RELEASE}: {wide:,} public addresses together are much of the Internet"
    for network in sorted(networks, key=str):
        if network.prefixlen < (8 if network.version == 4 else 16):
            yield f"NetworkPolicy/{RELEASE}: {network} is most of the Internet"
        for own in NODE_OWN:
            if network.overlaps(own):
                yield f"NetworkPolicy/{RELEASE}: {network} holds {own}, the node's own: its metadata service holds credentials"


def _public_addresses(networks: Sequence[Network]) -> int:
    """How many public addresses networks of one version have together."""
    public: list[Any] = [network for network in networks if not network.is_private]
    return sum(network.num_addresses for network in ipaddress.collapse_addresses(public))


def _without_ipv6(network: Network) -> Network:
    """The IPv4 network that one of IPv6 stands for; itself where it is none."""
    for base in _BY_IPV6 if isinstance(network, ipaddress.IPv6Network) else ():
        if network.overlaps(base):
            bits = max(network.prefixlen - base.prefixlen, 0)
            return ipaddress.IPv4Network((int(network.network_address) & 0xFFFFFFFF, bits))
    return network


def is_node_own(address: Address) -> bool:
    """Whether an address is the node's, or that of a metadata service."""
    return any(address in network for network in NODE_OWN)


def _is_demo(item: Object) -> bool:
    pod = item["spec"]["template"]["spec"]
    return any(str(c["name"]).startswith("demo-") for c in pod["containers"])
