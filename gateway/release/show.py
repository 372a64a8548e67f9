"""Plans, states and history as an operator reads them in a terminal or a CI log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.release.exemptions import exemptions
from gateway.release.guards import pods_after, pods_now
from gateway.release.manifests import images
from gateway.release.model import Refusal, ReleasePlan
from gateway.release.secrets import objects_with_secrets

SIGNS = {"create": "[green]+[/]", "change": "[yellow]~[/]", "delete": "[red]-[/]"}
DIFF_LINES_SHOWN = 200


def show_plan(console: Console, plan: ReleasePlan) -> None:
    """One target's plan: from what to what, every object, every refusal."""
    running = plan.facts.running
    console.rule(f"{plan.target}")
    if plan.objects:
        origin = (
            f"revision {running.revision} ({running.status})" if running else "nothing runs there"
        )
        console.print(
            f"context {plan.target.context}, namespace {plan.target.namespace}, {escape(origin)}"
        )
        console.print(
            f"pods now {pods_now(plan.facts)}, then at least {pods_after(plan.objects, plan.facts)[0]}"
        )
    for image, found in plan.facts.digests.items():
        console.print(f"image {escape(image)} is {found}")
    for image, tagged in plan.facts.other_tags.items():
        console.print(
            f"[bold yellow]another image[/]: {escape(image)} is {tagged}; what is released is the digest beside it"
        )
    for setting, reason in exemptions(plan.objects).items():
        console.print(f"[bold yellow]exempted[/]: {escape(setting)}, because: {escape(reason)}")
    for note in plan.notes:
        console.print(f"[bold yellow]note[/]: {escape(note)}")
    for image in drifted_images(plan):
        console.print(
            f"[bold yellow]changed by hand[/]: pods run {escape(image)}, which no revision says"
        )
    if not plan.changes and not plan.refusals:
        console.print("no change")
    is_secret = any(refusal.code == "SecretExposed" for refusal in plan.refusals)
    exposed = objects_with_secrets(running.objects if running else ())
    for change in plan.changes:
        console.print(f"{SIGNS[change.verb]} {escape(change.key)}")
        if change.diff and (is_secret or change.key in exposed):
            console.print("    (not shown: a secret stands in it)", style="dim")
            continue
        for line in change.diff[:DIFF_LINES_SHOWN]:
            style = {"+": "green", "-": "red"}.get(line[:1], "dim")
            console.print(f"    {escape(line)}", style=style, highlight=False)
        if len(change.diff) > DIFF_LINES_SHOWN:
            console.print(f"    … {len(change.diff) - DIFF_LINES_SHOWN} more lines", style="dim")
    show_refusals(console, plan.refusals)


def drifted_images(plan: ReleasePlan) -> list[str]:
    """Images that the live Deployment runs and the deployed revision does not name."""
    running, live = plan.facts.running, plan.facts.live
    if running is None or live is None:
        return []
    return sorted(set(live.images) - set(images(running.objects)))


def show_refusals(console: Console, refusals: Sequence[Refusal]) -> None:
    """Each on a line of its own: the rule, the reason, the consequence."""
    for refusal in refusals:
        console.print(f"refused: {refusal}", style="bold red", markup=False, highlight=False)


def show_history(console: Console, revisions: Sequence[dict[str, Any]]) -> None:
    """The revisions of one target, oldest first."""
    table = Table("revision", "updated", "status", "description")
    for item in revisions:
        updated = str(item.get("updated") or item.get("last_deployed") or "")
        table.add_row(
            str(item["revision"]),
            updated,
            str(item["status"]),
            escape(str(item.get("description", ""))),
        )
    console.print(table)


def show_status(console: Console, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """One line for each region: target, revision, pods, what is wrong."""
    table = Table("target", "revision", "pods", "state")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)
