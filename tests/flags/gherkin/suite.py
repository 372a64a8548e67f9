"""Which feature files there are below a folder, which flags they are about, and what of them is not the provider's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUITE = "OPENFEATURE_SUITE"
OF_A_SERVER = frozenset({
    "config", "connection", "contextEnrichment", "events", "rpc-caching", "selector", "sync-payload",
})  # fmt: skip
"""Of flagd as a server, and of its own provider's options."""
REPLACED = frozenset({"evaluation"})
"""Of the specification: marked as deprecated there, for `evaluation_v2`."""
NOT_HERE = {
    "fractional-v1": "the buckets of an older flagd",
    "fractional-v2": "the buckets of an older flagd",
    "metadata-provider": "a selector of flagd as a server",
    "reason-codes-cached": "the file's provider answers itself; nothing of it is cached",
    "no-default": "deprecated",
}
BY_CEL: dict[str, Any] = {
    "email == 'ballmer@macrosoft.com' ? 'zero' : ''": {
        "if": [{"==": [{"var": "email"}, "ballmer@macrosoft.com"]}, "zero", None]
    },
    "!customer && email == 'ballmer@macrosoft.com' && age > 10 ? 'internal' : ''": {
        "if": [
            {
                "and": [
                    {"!": [{"var": "customer"}]},
                    {"==": [{"var": "email"}, "ballmer@macrosoft.com"]},
                    {">": [{"var": "age"}, 10]},
                ]
            },
            "internal",
            None,
        ]
    },
}
"""The rules of the specification's flags, which are in CEL, as JsonLogic."""


def feature_files(root: Path) -> Iterator[Path]:
    """Those that a provider of a file can answer."""
    for path in sorted(root.rglob("*.feature")):
        is_of_spec = (path.parent / "test-flags.json").exists()
        if path.stem not in (REPLACED if is_of_spec else OF_A_SERVER):
            yield path


def flags_for(feature: Path) -> dict[str, Any]:
    """The file of flags of a feature, in flagd's format."""
    own = feature.parent / "test-flags.json"
    if own.exists():
        return {"flags": {n: _flagd(f) for n, f in json.loads(own.read_text()).items()}}
    whole: dict[str, Any] = {"flags": {}, "$evaluators": {}}
    for path in sorted((feature.parent.parent / "flags").glob("*.json")):
        if not path.stem.startswith("selector"):
            found = json.loads(path.read_text())
            whole["flags"] |= found["flags"]
            whole["$evaluators"] |= found.get("$evaluators", {})
    return whole


def _flagd(flag: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "state": "DISABLED" if flag.get("disabled") else "ENABLED",
        "variants": flag["variants"],
    }
    if flag.get("defaultVariant") is not None:
        found["defaultVariant"] = flag["defaultVariant"]
    if flag.get("flagMetadata") is not None:
        found["metadata"] = flag["flagMetadata"]
    if flag.get("contextEvaluator"):
        found["targeting"] = BY_CEL[flag["contextEvaluator"]]
    return found
