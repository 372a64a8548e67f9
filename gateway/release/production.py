"""What the configuration that pods read may say: it starts, is seen, is what the probes ask, and is no developer's.

As in `policies`: one function, one rule, words that name the object. Each judges what the gateway itself makes of files
and variables (`configured`), so that no other spelling of a name or value gets past. Pure.
"""

# ruff: noqa: ARG001 -- the rules of one table share one signature
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import ConfigError
from gateway.release.configured import (
    HIDDEN_HOST,
    PodSettings,
    pod_settings,
    texts_of,
    variables_of,
)
from gateway.release.manifests import containers, pod_specs
from gateway.release.model import Object, Target
from gateway.release.secret_forms import looks_random, looks_secret, names_one
from gateway.release.secrets import is_secret_setting
from gateway.settings.text import Key

# They decide what a process runs or reads, whatever image it was started from.
PROGRAM = re.compile(
    r"((LD|DYLD|GLIBC|GCONV|MALLOC|OPENSSL)_|PYTHON(?!UNBUFFERED|DONTWRITEBYTECODE|FAULTHANDLER|HASHSEED|UTF8))|"
    r"(PATH|BASH_ENV|ENV|IFS|NLSPATH|LOCPATH|RESOLV_HOST_CONF)$"
)
# They decide whom the gateway believes, which host a name is, and where the keys of its connections are written.
BELIEFS = re.compile(r"SSL_CERT_(FILE|DIR)|SSLKEYLOGFILE|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS")
_TABLES_OF_SECRETS = frozenset({"headers", "otlp_headers", "secret"})


def configuration_is_read(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """The gateway starts with it."""
    for pod in pod_settings(objects, target.image_config):
        unseen = {".".join(at) for at in pod.hidden if not _may_be_hidden(at)}
        for error in pod.errors:
            if error.key in unseen:
                continue  # said by `settings_are_seen`
            yield f"{pod.name}: the gateway would not start: {_told(error)}"
        if "envFrom" in pod.container:
            yield f"{pod.name}: envFrom: nobody sees which variables the gateway gets"


def _told(error: ConfigError) -> str:
    """An error without the value that it is about: a secret may be one."""
    problem = error.problem.partition(", got ")[0]
    path = (error.key or "").split(".")
    if (
        looks_secret(problem)
        or looks_random(problem)
        or is_secret_setting(path)
        or "headers" in path
    ):
        problem = "is not what the gateway takes"
    return ConfigError(
        problem, key=error.key, file=error.file, line=error.line, hint=error.hint
    ).render()


def settings_are_seen(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A Secret holds secrets: headers, keys, passwords. What else it decides, nobody has read."""
    for pod in pod_settings(objects, target.image_config):
        written = dict(texts_of(pod.written))
        for at, variable in pod.hidden.items():
            if not _may_be_hidden(at) and not is_seen_host(written.get(at, ""), variable):
                yield (
                    f"{pod.name}: {'.'.join(at)} is what the Secret behind {variable} says, and nobody sees that; "
                    "write it down, or refer to a Secret for headers and secrets only"
                )


def _may_be_hidden(at: Key) -> bool:
    if at[:1] == ("headers",):
        return at[-1] in ("value", "default")
    if at[:2] in (("admin", "keys"), ("redis", "url")):
        return True
    if at[:2] == ("connectors", "config"):
        # `$config` stands in URLs too: a host is none of a Secret's business.
        return any(map(names_one, at[2:]))
    return any(part in _TABLES_OF_SECRETS for part in at[1:])


def is_seen_host(text: str, variable: str) -> bool:
    """Whether a text is a URL whose scheme, host and port stand in it, `https://user:${PASSWORD}@host/`."""
    try:
        parts = urlsplit(re.sub(r"\$\{\w+(:-[^}]*)?\}", HIDDEN_HOST, text))
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and HIDDEN_HOST not in f"{parts.scheme} {host}"


def probes_ask_what_is_served(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Where the gateway listens is where the kubelet, the Service and Prometheus look for it."""
    for pod in pod_settings(objects, target.image_config):
        ports = {item.get("name"): item["containerPort"] for item in pod.container.get("ports", [])}
        if pod.config is None or not ports:
            continue
        server, metrics = pod.config.server, pod.config.telemetry.metrics
        if server.unix_socket is not None:
            yield f"{pod.name}: server.unix_socket: no probe and no client comes by a socket file"
        yield from _listener_certificate(pod, dict(pod_specs(objects))[pod.name])
        listens = [("server", server.host, server.port, ports.get("http"))]
        if "metrics" in ports and pod.config.telemetry.enabled and metrics.enabled:
            listens.append(("telemetry.metrics", metrics.host, metrics.port, ports["metrics"]))
        for table, host, port, known in listens:
            if host not in ("0.0.0.0", "::"):
                yield f"{pod.name}: {table}.host is {host}: nothing outside the pod connects to that"
            if port != known:
                yield f"{pod.name}: {table}.port is {port}, and the container's port is {known}"
        yield from _asked_paths(pod, server.live_path, server.ready_path)


def _listener_certificate(pod: PodSettings, spec: Mapping[str, Any]) -> Iterator[str]:
    """A listener with TLS has its files from a Secret, and is asked by HTTPS; one without is not."""
    tls = pod.config.server.tls if pod.config else None
    scheme = "HTTP" if tls is None or tls.cert is None else "HTTPS"
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = pod.container.get(probe, {}).get("httpGet")
        if asked and asked.get("scheme", "HTTP") != scheme:
            yield f"{pod.name}: the {probe} speaks {asked.get('scheme', 'HTTP')} to the pod, whose listener speaks {scheme}"
    secrets = {item["name"] for item in spec.get("volumes", []) if "secret" in item}
    folders = {
        str(mount["mountPath"]).rstrip("/")
        for mount in pod.container.get("volumeMounts", [])
        if mount["name"] in secrets and "subPath" not in mount
    }
    for file in (tls.cert, tls.key) if tls else ():
        if file is not None and file.rpartition("/")[0] not in folders:
            yield f"{pod.name}: server.tls: {file} is in no Secret that is mounted as a folder"


def _asked_paths(pod: PodSettings, live: str, ready: str) -> Iterator[str]:
    for probe, path in (("startupProbe", live), ("livenessProbe", live), ("readinessProbe", ready)):
        asked = pod.container.get(probe, {}).get("httpGet", {}).get("path")
        if asked is not None and asked != path:
            yield f"{pod.name}: the {probe} asks for {asked}, and the gateway answers at {path}"


def each_variable_once(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """The second of two would win over what the chart sets for probes, ports and draining.

    The case of a setting's name is no matter to the gateway.
    """
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            seen: dict[str, str] = {}
            for variable in container.get("env", []):
                given = str(variable["name"])
                folded = given.upper() if given.upper().startswith("GATEWAY_") else given
                if folded in seen:
                    also = "" if seen[folded] == given else f" as {seen[folded]} and {given}"
                    yield f"{name}: {folded} is set twice{also}"
                seen.setdefault(folded, given)


def the_images_program(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """A pod runs what its image has."""
    for name, spec in pod_specs(objects):
        for container in containers(spec):
            given, referred = variables_of(container)
            for variable in sorted({*given, *referred}):
                if PROGRAM.match(variable):
                    yield f"{name}: {variable} decides what is run, whatever the image"
                elif BELIEFS.fullmatch(variable):
                    yield f"{name}: {variable} decides whom sources' names and certificates lead to"
