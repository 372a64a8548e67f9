"""The board of all moves: each field that a source has, from the old source alone to a connector that may be deleted.

It makes rows and pages of what the schema says and the admin port has answered. It asks nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from graphql import DocumentNode

from gateway.connectors.directives import read_directives
from gateway.connectors.overrides import OverrideUse, read_overrides
from gateway.connectors.shadow.uses import read_shadows
from gateway.flags.names import flag_of_label
from gateway.override.labels import ALL
from gateway.override.settings import OverrideRule, share_of_label
from gateway.override.switches import shares_of, switched_share

STAGES = {
    "before": "nobody compares it yet",
    "shadow": "both are asked, the old source answers",
    "percent": "some clients get the new source",
    "moved": "all clients get the new source",
    "deletable": "nothing needs the old connector",
}


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One field or type.

    Attributes:
        coordinate: Of it.
        before, after: The sources.
        label: What decides; None without an `@override`, or where the move is done.
        share: Of the clients, in percent; None where Python decides.
        stage: One of `STAGES`.
        found: What the admin port says of its comparisons; {} where there are none.
    """

    coordinate: str
    before: str
    after: str
    label: str | None
    share: float | None
    stage: str
    found: Mapping[str, Any]


def rows_of(
    document: DocumentNode, rules: Mapping[str, OverrideRule], said: Mapping[str, Any]
) -> list[BoardRow]:
    """The fields and types that move, and those that have not begun to.

    Args:
        document: The schema.
        rules: `[override.labels]`.
        said: What the admin port has answered.
    """
    directives, moves = read_directives(document), said.get("moves", {})
    uses, shadows = read_overrides(document, directives), read_shadows(document)
    rows, connects = [], directives.connects
    for use in uses.values():
        taking = [c for c in connects if c.coordinate == use.coordinate and not use.is_before(c)]
        configured = ALL if use.label is None else share_of_label(use.label, rules)
        share = _switched(use, configured, said.get("switches", {}))
        found = moves.get(use.coordinate, {})
        stage = _stage(configured, share, found, has_shadow=use.coordinate in shadows)
        after = next((c.source or c.id or "" for c in taking), "")
        percent = None if share is None else share / 100
        rows.append(BoardRow(use.coordinate, use.from_, after, use.label, percent, stage, found))
    left = {use.from_ for use in uses.values()}
    for connect in connects:
        if connect.source in left and connect.coordinate not in uses:
            rows.append(
                BoardRow(connect.coordinate, connect.source or "", "", None, 0, "before", {})
            )
    order = list(STAGES)
    once = {row.coordinate: row for row in rows}  # several connectors may give one field
    return sorted(once.values(), key=lambda row: (order.index(row.stage), row.coordinate))


def _switched(
    use: OverrideUse, configured: int | None, switches: Mapping[str, OverrideRule]
) -> int | None:
    if use.label is None:
        return configured
    share = switched_share(use.label, shares_of(switches))
    return configured if share is None else share


def _stage(
    configured: int | None,
    share: int | None,
    found: Mapping[str, Any],
    *,
    has_shadow: bool,
) -> str:
    if share != ALL:
        early = "shadow" if has_shadow else "before"
        return early if share == 0 else "percent"
    return "deletable" if configured == ALL and not found.get("fallbacks") else "moved"


def told(row: BoardRow) -> list[str]:
    """A row as lines for a terminal."""
    share = decided_by(row) if row.share is None else f"{row.share:g} %"
    to = f" -> {row.after}" if row.after else ""
    lines = [f"{row.coordinate}: {row.before}{to}, {row.stage}, {share}"]
    found = row.found
    if not found:
        return lines
    lines.append("  " + "; ".join([compared(found), *latencies(found)]))
    for at, kinds in found["differences"].items():
        counted = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
        noise = found["noise"].get(at, 0)
        lines.append(f"  {at}: {counted}" + (f"; noise {noise}" if noise else ""))
    for one in found["examples"]:
        values = f" {one['before']} -> {one['after']}" if "before" in one else f" {one['code']}"
        lines.append(
            f"    {one['kind']} at {one['path'] or '.'}{values} (request {one['request_id']})"
        )
    lines += [
        f"  {at} changes by itself: its values say nothing" for at in found.get("unstable", ())
    ]
    if found.get("left_out"):
        counted = ", ".join(f"{reason} {count}" for reason, count in found["left_out"].items())
        lines.append(f"  left out: {counted}")
    lines += gate(found)
    return lines


def decided_by(row: BoardRow) -> str:
    """What decides a label that has no share."""
    return f"decided by {'a flag' if flag_of_label(row.label or '') else 'Python'}"


def compared(found: Mapping[str, Any]) -> str:
    """How much was compared, and how much of it matches."""
    if found["match"] is None:
        return f"{found['calls']} comparisons"
    low, high = found["interval"]
    return (
        f"{found['calls']} comparisons, {100 * found['match']:.2f} % match "
        f"({100 * low:.2f} to {100 * high:.2f})"
    )


def latencies(found: Mapping[str, Any]) -> list[str]:
    """How long both sources take, in a line; nothing where neither was asked."""
    if found["before_p50_s"] is None:
        return []
    old, new = (
        f"{_ms(found[f'{side}_p50_s'])}/{_ms(found[f'{side}_p99_s'])}"
        for side in ("before", "after")
    )
    return [f"p50/p99 old {old}, new {new}"]


def gate(found: Mapping[str, Any]) -> list[str]:
    """What the gate says, in a line; nothing without one."""
    asked = found["promote"]
    if asked["lacks"] == "no gate" or asked["to"] is None:
        return []
    return [f"  to {asked['to']} %: {asked['lacks'] or 'the gate is open'}"]


def page(rows: list[BoardRow], made_at: str) -> str:
    """The board as a page that needs nothing else."""
    lanes = []
    for stage, what in STAGES.items():
        cards = [_card(row) for row in rows if row.stage == stage]
        lanes.append(
            f'<section class="{stage}"><h2>{stage} <b>{len(cards)}</b></h2><p>{what}</p>'
            f"{''.join(cards) or '<p class=none>none</p>'}</section>"
        )
    done = sum(row.stage in ("moved", "deletable") for row in rows)
    head = f"{done} of {len(rows)} moved; {escape(made_at)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Moves</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><header><h1>Moves</h1><p>{head}</p></header>"
        f"<main>{''.join(lanes)}</main></body></html>\n"
    )


def _card(row: BoardRow) -> str:
    found, lines = row.found, []
    share = decided_by(row) if row.share is None else f"{row.share:g} %"
    to = f" &rarr; {escape(row.after)}" if row.after else ""
    if row.after:
        lines.append(f"<p>{escape(row.label or 'no label')}: {share}</p>")
    if found:
        lines.append(f"<p>{escape(compared(found))}</p>{_bar(found)}")
        lines += [f"<p>{escape(line)}</p>" for line in latencies(found)]
        items = [
            f"<li><code>{escape(at)}</code> {escape(', '.join(f'{k} {n}' for k, n in kinds.items()))}</li>"
            for at, kinds in found["differences"].items()
        ]
        lines.append(f"<ul>{''.join(items)}</ul>" if items else "")
        lines += [f"<p class=gate>{escape(line.strip())}</p>" for line in gate(found)]
    sides = f"<p class=sides>{escape(row.before)}{to}</p>"
    return f"<article><h3>{escape(row.coordinate)}</h3>{sides}{''.join(lines)}</article>"


def _bar(found: Mapping[str, Any]) -> str:
    """The interval of what matches, from 90 to 100 %."""
    if found["match"] is None:
        return ""
    low, high = (max(0.0, 1000 * share - 900) for share in found["interval"])
    return f'<div class=bar title="90 to 100 %"><i style="left:{low:.1f}%;width:{max(1, high - low):.1f}%"></i></div>'


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms"


STYLE = """
:root{color-scheme:light dark;--line:#8886;--soft:#8881}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1400px;padding:16px;font:14px/1.45 system-ui,sans-serif}
header{display:flex;gap:16px;align-items:baseline;flex-wrap:wrap}
h1{font-size:22px;margin:0}h2{font-size:15px;margin:0}h3{font-size:14px;margin:0;overflow-wrap:anywhere}
p{margin:4px 0;overflow-wrap:anywhere}h2 b{font-weight:400;opacity:.7}
section,article{min-width:0}main{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:12px;margin-top:12px}
section{background:var(--soft);border-top:4px solid #888;border-radius:6px;padding:10px}
section>p{font-size:12px;opacity:.75}
.shadow{border-color:#5b6ee1}.percent{border-color:#b8860b}.moved{border-color:#2e8b57}.deletable{border-color:#20603f}
article{background:Canvas;border:1px solid var(--line);border-radius:6px;padding:8px;margin-top:8px}
.sides,.gate{font-size:12px;opacity:.85}.gate{border-top:1px solid var(--line);padding-top:4px}
ul{margin:4px 0;padding-left:18px}code{font-size:12px;overflow-wrap:anywhere}
.bar{position:relative;height:6px;background:var(--line);border-radius:3px;margin:4px 0}
.bar i{position:absolute;top:0;bottom:0;background:#2e8b57;border-radius:3px;max-width:100%}
@media(max-width:900px){main{grid-template-columns:1fr}}
"""
