"""A small Kubernetes API server for Helm and kubectl: stores objects, and plays the Deployment controller.

It knows just what a release meets: discovery, create, read, list, patch (server-side apply and merge),
delete, and the status of Deployments. It schedules nothing and checks no permission.
"""

from __future__ import annotations

import base64
import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

Object = dict[str, Any]

# group/version → plural → kind
RESOURCES: dict[str, dict[str, str]] = {
    "v1": {
        "configmaps": "ConfigMap", "namespaces": "Namespace", "pods": "Pod", "secrets": "Secret",
        "serviceaccounts": "ServiceAccount", "services": "Service",
    },
    "apps/v1": {"deployments": "Deployment"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "networking.k8s.io/v1": {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
    "gateway.networking.k8s.io/v1": {"httproutes": "HTTPRoute"},
    "monitoring.coreos.com/v1": {"servicemonitors": "ServiceMonitor", "prometheusrules": "PrometheusRule"},
}  # fmt: skip


class RefusedError(Exception):
    """An answer that is not 2xx."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code, "reason": reason, "message": message,
        }  # fmt: skip


class Cluster:
    """The objects of one cluster.

    Attributes:
        broken_images: Pods with one of these never become ready.
        on_deployment: Called with each Deployment after a change of it.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str, str], Object] = {}
        self.broken_images: set[str] = set()
        self.on_deployment: Callable[[Object], None] = lambda item: None
        self._applied: dict[tuple[str, str, str, str], Object] = {}
        self._version = 0
        self._lock = threading.RLock()

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        return next(
            (
                item
                for item in self.objects.values()
                if item["kind"] == kind
                and item["metadata"]["name"] == name
                and item["metadata"].get("namespace", "") == namespace
            ),
            None,
        )

    def scale(self, namespace: str, name: str, replicas: int) -> None:
        """What somebody's `kubectl scale` does: no release, no guard."""
        item = copy.deepcopy(self.objects["apps/v1", "deployments", namespace, name])
        item["spec"]["replicas"] = replicas
        self._store(("apps/v1", "deployments", namespace, name), item)

    def handle(
        self, method: str, path: str, query: dict[str, list[str]], body: Any, media: str
    ) -> Object:
        with self._lock:
            found = self._discovery(path)
            return found if found is not None else self._resource(method, path, query, body, media)

    def _discovery(self, path: str) -> Object | None:
        if path == "/version":
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.0", "platform": "linux/amd64"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            groups = []
            for name in RESOURCES:
                if "/" in name:
                    version = {"groupVersion": name, "version": name.split("/")[1]}
                    groups.append(
                        {
                            "name": name.split("/")[0],
                            "versions": [version],
                            "preferredVersion": version,
                        }
                    )
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        if path.startswith("/openapi/v3"):
            return openapi(path.removeprefix("/openapi/v3").strip("/"))
        name = path.removeprefix("/apis/").removeprefix("/api/")
        if name in RESOURCES:
            verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
            resources = [
                {
                    "name": plural,
                    "singularName": kind.lower(),
                    "kind": kind,
                    "namespaced": kind != "Namespace",
                    "verbs": verbs,
                }
                for plural, kind in RESOURCES[name].items()
            ]
            return {"kind": "APIResourceList", "groupVersion": name, "resources": resources}
        return None

    def _resource(
        self, method: str, path: str, query: dict[str, list[str]], body: Any, media: str
    ) -> Object:
        parts = path.strip("/").split("/")
        group = parts[1] if parts[0] == "api" else "/".join(parts[1:3])
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if len(rest) >= 3 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        if group not in RESOURCES or not rest or rest[0] not in RESOURCES[group]:
            raise RefusedError(404, "NotFound", f"no resource at {path}")
        plural, name = rest[0], rest[1] if len(rest) > 1 else ""
        place = (group, plural, namespace, name)
        if method == "GET" and not name:
            return self._list(group, plural, namespace, query)
        if method == "POST":
            name = body["metadata"]["name"]
            place = (group, plural, namespace, name)
            if place in self.objects:
                raise RefusedError(409, "AlreadyExists", f'{plural} "{name}" already exists')
            self._applied[place] = copy.deepcopy(body)
            return self._store(place, body)
        if method == "PATCH" and place not in self.objects and "apply-patch" in media:
            self._applied[place] = copy.deepcopy(body)
            return self._store(place, body)
        if place not in self.objects:
            raise RefusedError(404, "NotFound", f'{plural} "{name}" not found')
        if method == "GET":
            return self.objects[place]
        if method == "DELETE":
            return self._delete(place)
        if method == "PUT":
            return self._store(place, body)
        return self._patch(place, body, media)

    def _patch(self, place: tuple[str, str, str, str], body: Any, media: str) -> Object:
        item = copy.deepcopy(self.objects[place])
        if "apply-patch" in media:
            item = without(item, self._applied.get(place, {}), body)
            self._applied[place] = copy.deepcopy(body)
        elif "json-patch" in media:
            raise RefusedError(415, "UnsupportedMediaType", "json-patch is not known here")
        return self._store(place, merged(item, body))

    def _list(self, group: str, plural: str, namespace: str, query: dict[str, list[str]]) -> Object:
        kind = RESOURCES[group][plural]
        wanted = [
            term for terms in query.get("labelSelector", []) for term in terms.split(",") if term
        ]
        items = [
            item
            for (at, what, where, _), item in sorted(self.objects.items())
            if (at, what) == (group, plural) and namespace in ("", where) and matches(item, wanted)
        ]
        return {
            "kind": f"{kind}List",
            "apiVersion": group,
            "metadata": {"resourceVersion": str(self._version)},
            "items": items,
        }

    def _delete(self, place: tuple[str, str, str, str]) -> Object:
        item = self.objects.pop(place)
        self._applied.pop(place, None)
        if place[1] == "namespaces":
            for other in [key for key in self.objects if key[2] == place[3]]:
                del self.objects[other]
        if place[1] == "deployments":
            self.on_deployment({**item, "spec": {**item["spec"], "replicas": 0}})
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _store(self, place: tuple[str, str, str, str], body: Object) -> Object:
        group, plural, namespace, name = place
        before = self.objects.get(place)
        item = {**copy.deepcopy(body), "kind": RESOURCES[group][plural], "apiVersion": group}
        self._version += 1
        old = before["metadata"] if before else {}
        changed = before is None or before.get("spec") != item.get("spec")
        item["metadata"] = {
            **item["metadata"],
            **({"namespace": namespace} if namespace else {}),
            "name": name,
            "uid": old.get("uid", f"uid-{self._version}"),
            "creationTimestamp": old.get(
                "creationTimestamp", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            ),
            "resourceVersion": str(self._version),
            "generation": old.get("generation", 0) + (1 if changed else 0),
        }
        self.objects[place] = item
        if plural == "deployments":
            self._run_deployment(item, before)
        self._autoscale(namespace)
        return item

    def _autoscale(self, namespace: str) -> None:
        """Autoscalers keep what is between their bounds."""
        for scaler in [
            item for item in self.objects.values() if item["kind"] == "HorizontalPodAutoscaler"
        ]:
            spec = scaler["spec"]
            found = self.get("Deployment", namespace, spec["scaleTargetRef"]["name"])
            if scaler["metadata"]["namespace"] != namespace or found is None:
                continue
            # 0 switches an autoscaler off.
            have = found["spec"]["replicas"]
            wanted = have and min(max(have, spec["minReplicas"]), spec["maxReplicas"])
            if wanted != have:
                self.scale(namespace, found["metadata"]["name"], wanted)

    def _run_deployment(self, item: Object, before: Object | None) -> None:
        """What the controller ends up with: all pods new and ready, or stuck behind a broken image."""
        replicas = item["spec"].setdefault("replicas", 1)
        images = {c["image"] for c in item["spec"]["template"]["spec"]["containers"]}
        status = {"replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas}
        if images & self.broken_images:
            kept = before.get("status", {}).get("readyReplicas", 0) if before else 0
            status = {"replicas": kept + 1, "updatedReplicas": 1, "readyReplicas": kept}
        item["status"] = {**status, "observedGeneration": item["metadata"]["generation"]}
        self.on_deployment(item)


def decode(raw: bytes) -> Any:
    """A request's object: JSON, YAML, or what Go's typed clients send."""
    return decode_protobuf(raw[4:]) if raw.startswith(b"k8s\0") else yaml.safe_load(raw)


def decode_protobuf(raw: bytes) -> Object:
    """A Secret or Namespace in Kubernetes' protobuf: what Helm stores its revisions as."""
    unknown = fields(raw)
    body = fields(unknown[2][0])
    metadata = fields(body[1][0])
    result: Object = {
        "metadata": {
            "name": metadata[1][0].decode(),
            "labels": {k.decode(): v.decode() for k, v in map(entry, metadata.get(11, []))},
        }
    }
    if fields(unknown[1][0])[2][0] == b"Secret":
        result["type"] = body[3][0].decode()
        result["data"] = {
            k.decode(): base64.b64encode(v).decode() for k, v in map(entry, body.get(2, []))
        }
    return result


def entry(raw: bytes) -> tuple[bytes, bytes]:
    """One entry of a protobuf map."""
    found = fields(raw)
    return found.get(1, [b""])[0], found.get(2, [b""])[0]


def fields(raw: bytes) -> dict[int, list[bytes]]:
    """The length-delimited fields of a protobuf message, by number; numbers are skipped."""
    found: dict[int, list[bytes]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(raw):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            varint()
        elif kind == 2:
            size = varint()
            found.setdefault(number, []).append(raw[at : at + size])
            at += size
        else:
            raise ValueError(f"wire type {kind}")
    return found


def openapi(path: str) -> Object:
    """As much OpenAPI as tells a client that the server validates fields by itself."""
    if not path:
        known = {("apis/" if "/" in name else "api/") + name for name in RESOURCES}
        return {
            "paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in sorted(known)}
        }
    name = path.partition("/")[2]
    group, _, version = name.rpartition("/")
    paths = {
        f"/{path}/{plural}/{{name}}": {
            "patch": {
                "parameters": [
                    {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
                ],
                "responses": {},
                "x-kubernetes-group-version-kind": {
                    "group": group,
                    "version": version,
                    "kind": kind,
                },
            }
        }
        for plural, kind in RESOURCES[name].items()
    }
    return {"openapi": "3.0.0", "info": {"title": name, "version": "1"}, "paths": paths}


def matches(item: Object, wanted: list[str]) -> bool:
    labels = item["metadata"].get("labels", {})
    for term in wanted:
        name, equals, value = term.replace("==", "=").partition("=")
        if name.strip("!") in labels and name.startswith("!"):
            return False
        if name not in labels or (equals and labels[name] != value):
            return False
    return True


def merged(below: Any, above: Any) -> Any:
    """JSON merge patch."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return copy.deepcopy(above)
    result = dict(below)
    for name, value in above.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def without(live: Object, old: Object, new: Object) -> Object:
    """Fields that were applied before and are no longer: server-side apply takes them away."""
    result = dict(live)
    for name, value in old.items():
        if name not in new:
            result.pop(name, None)
        elif (
            isinstance(value, dict)
            and isinstance(result.get(name), dict)
            and isinstance(new[name], dict)
        ):
            result[name] = without(result[name], value, new[name])
    return result


class Handler(BaseHTTPRequestHandler):
    """HTTP in front of a `Cluster`."""

    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: with Nagle each answer would wait 40 ms for an ACK.
    disable_nagle_algorithm = True
    cluster: Cluster

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
        """Say nothing."""

    def answer(self) -> None:
        url = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        media = self.headers.get("content-type") or ""
        body = {} if self.command == "DELETE" or not raw else decode(raw)
        code: int = 201 if self.command == "POST" else 200
        try:
            found = self.cluster.handle(self.command, url.path, parse_qs(url.query), body, media)
        except RefusedError as exc:
            found, code = exc.status, exc.code
        text = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 -- the base class's names


@contextmanager
def running_cluster() -> Iterator[tuple[Cluster, str]]:
    """A cluster with its API on loopback: the cluster, and the URL."""
    cluster = Cluster()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"cluster": cluster}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield cluster, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_kubeconfig(path: Path, contexts: dict[str, str]) -> Path:
    """A kubeconfig with a context for each name → API URL."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in contexts.items()],
        "users": [{"name": "nobody", "user": {"token": "none"}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "nobody"}} for name in contexts
        ],
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
