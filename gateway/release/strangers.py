"""Whom the configuration lets in without looking: pages of anybody's, and proxies that anybody may be.

As in `policies`: one function, one rule, words that name the object. A pattern is tried on the origins of strangers,
and networks are summed: no text of either is known by heart. Pure.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from gateway.release.configured import pod_settings
from gateway.release.model import Object, Target
from gateway.release.reach import Network, parse_network

# Where anybody may have a page: under a name of one's own, or of one that lets everybody.
_ANYWHERE = (
    "invalid", "com", "net", "org", "io", "dev", "app", "co", "ai", "me", "de", "fr", "uk", "co.uk", "eu", "cn", "github.io",
    "gitlab.io", "vercel.app", "netlify.app", "pages.dev", "workers.dev", "web.app", "firebaseapp.com", "herokuapp.com",
    "azurewebsites.net", "cloudfront.net", "s3.amazonaws.com", "blogspot.com", "ngrok.io",
)  # fmt: skip
# What somebody may call himself to look like one of ours.
_NOBODY = "a-page-of-nobody"
_OPEN_DOT = re.compile(r"(?<=\w)\.(?=\w)")
_CLASS = re.compile(r"\[[^\]]*\]")
# Networks that are routed within a site only, and shared address space, which clusters give to pods.
_OF_A_SITE = tuple(
    parse_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1")
)  # fmt: skip


def pages_are_known(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Pages of named origins only use a user's credentials."""
    if target.environment != "production":
        return
    strangers = _strangers(target)
    for pod in pod_settings(objects, target.image_config):
        if pod.config is None:
            continue
        if {"*", "null"} & set(pod.config.subscription.allowed_origins):
            yield f"{pod.name}: subscription.allowed_origins lets pages of every origin use a user's cookies"
        for policy in pod.config.cors.policies:
            if not policy.allow_credentials:
                continue
            if {"*", "null"} & set(policy.origins):
                yield f"{pod.name}: cors.policies lets pages of every origin use a user's credentials"
            for pattern in policy.match_origins:
                found = next((page for page in strangers if re.fullmatch(pattern, page)), None)
                if found is not None:
                    yield (
                        f"{pod.name}: cors.policies: {pattern} lets pages of every origin like {found} use a user's "
                        "credentials"
                    )
                elif _OPEN_DOT.search(_CLASS.sub("", pattern)):
                    yield (
                        rf"{pod.name}: cors.policies: in {pattern} a dot is any character, so that others may have such a "
                        r"name: write \."
                    )


def _strangers(target: Target) -> list[str]:
    """Origins that nobody of ours has: in every zone, like our own names, and the one of a sandboxed frame."""
    names = [f"{_NOBODY}.{zone}" for zone in _ANYWHERE]
    for host in target.hosts:
        parts = host.split(".")
        # `shop.co.uk` is one's own, and `api.example.com` is a name below it.
        own = ".".join(parts[-3:] if ".".join(parts[-2:]) in _ANYWHERE else parts[-2:])
        names += [f"{_NOBODY}{own}", f"{own}.{_NOBODY}.invalid", f"{host}.{_NOBODY}.invalid"]
    ports = ("", ":8443")
    pages = [
        f"{scheme}://{name}{port}"
        for name in names
        for scheme in ("https", "http")
        for port in ports
    ]
    return [*pages, "null"]


def proxies_are_some(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Proxies are believed about a client's address: they are the site's own, and an Ingress is one."""
    if target.environment != "production":
        return
    has_ingress = any(item["kind"] in ("Ingress", "HTTPRoute") for item in objects)
    listed = _joined(_networks(target.proxies))
    for pod in pod_settings(objects, target.image_config):
        if pod.config is None:
            continue
        networks = _networks(pod.config.server.trusted_proxies)
        if not networks and has_ingress:
            yield (
                f"{pod.name}: server.trusted_proxies is empty: every client has the ingress' address, and what is limited "
                "by address counts all of them as one"
            )
        for network in _joined(networks):
            if not any(_is_within(network, known) for known in (*_OF_A_SITE, *listed)):
                yield (
                    f"{pod.name}: server.trusted_proxies has {network}, which is public: whoever connects from there says "
                    "which address is his; a CDN's is listed under `proxies` in targets.yaml"
                )


def _networks(names: Sequence[str]) -> list[Network]:
    """Those of the names that are networks; `unix` is none."""
    found = []
    for name in names:
        try:
            found.append(parse_network(name))
        except ValueError:
            continue
    return found


def _joined(networks: Sequence[Network]) -> list[Network]:
    four = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]


def _is_within(network: Network, wide: Network) -> bool:
    return network.version == wide.version and network.subnet_of(wide)  # type: ignore[arg-type]
