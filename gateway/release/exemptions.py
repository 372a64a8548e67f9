"""Exemptions: what production must not have, and the reason why this one has it.

They stand in the values, `exemptions: [{setting: …, reason: …}]`, and the chart writes them on the Deployment: the plan
shows each, an approval covers it, the audit log and the cluster keep it. What could never be right has none. Pure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from gateway.release.manifests import find_object
from gateway.release.model import RELEASE, Object, Target
from gateway.release.weaknesses import of_which, weaknesses

ANNOTATION = "gateway.release/exemptions"
# What may be meant: an open API, a migration, a subgraph of others, a Prometheus that finds pods by itself, a release
# that has to be fast. The chart's schema has the same list.
EXEMPTABLE = frozenset({
    "http.graphiql", "limits.introspection", "limits.mode", "authorization.directives.dry_run",
    "authentication.jwt.on_error", "authentication.jwt.jwks.audiences", "authentication.jwt.jwks.issuers",
    "federation.enabled", "redis.url", "metrics.serviceMonitor.enabled", "metrics.rules.enabled",
    "gate.bakeSeconds", "gate.readyTimeoutSeconds", "gate.intervalSeconds", "gate.badSamplesAllowed",
    "gate.maxErrorRatio", "gate.maxFailedRatio", "gate.maxP99Seconds", "gate.minRequests",
})  # fmt: skip


def exemptions(objects: Iterable[Object]) -> dict[str, str]:
    """The settings that a release exempts → their reasons."""
    return dict(_pairs(objects))


def _pairs(objects: Iterable[Object]) -> list[tuple[str, str]]:
    deployment = find_object(objects, "Deployment", RELEASE)
    annotations = (deployment or {"metadata": {}})["metadata"].get("annotations") or {}
    try:
        found = json.loads(str(annotations.get(ANNOTATION, "[]")))
        return [
            (of_which(str(item["setting"]), str(item.get("of", ""))), str(item["reason"]))
            for item in found
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def only_what_is_exempted(objects: Sequence[Object], target: Target) -> Iterator[str]:
    """Production is weak where somebody has said why, and nowhere else."""
    if target.environment != "production":
        return
    given = _pairs(objects)
    exempted = dict(given)
    used = set()
    for setting, where, problem in weaknesses(objects, target):
        is_exemptable = setting.partition(" of ")[0] in EXEMPTABLE
        if setting in exempted and is_exemptable:
            used.add(setting)
            continue
        how = (
            f"; where it is meant, `exemptions` names {setting} and says why"
            if is_exemptable
            else ""
        )
        yield f"{where}: {problem}{how}"
    for setting in sorted(set(exempted) - used):
        yield f"Deployment/{RELEASE}: {setting} is exempted and need not be: take the exemption out"
    for setting, times in Counter(setting for setting, _ in given).items():
        if times > 1:
            yield f"Deployment/{RELEASE}: {setting} is exempted {times} times: one of the reasons would not be shown"
