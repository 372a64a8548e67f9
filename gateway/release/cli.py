"""`gateway release`: the options of plan, apply, approve, rollback, status, smoke, history and cleanup.

The commands themselves are loaded when one is run: serving imports this file and nothing of the room.
"""

# ruff: noqa: B006 -- typer copies a list that is a default
from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

app = typer.Typer(
    help="Release the gateway to one environment, region by region, with rollback.",
    no_args_is_help=True,
)

audit_app = typer.Typer(help="The audit log of releases.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")

ChartOption = Annotated[Path, typer.Option("--chart", help="The chart's folder.")]
TargetsOption = Annotated[
    Path | None, typer.Option("--targets", help="targets.yaml elsewhere than in the chart.")
]
AuditOption = Annotated[
    Path, typer.Option("--audit-log", envvar="GATEWAY_RELEASE_AUDIT", help="JSON lines, appended.")
]
EnvOption = Annotated[list[str], typer.Option("--env", help="Exactly one environment.")]
RegionOption = Annotated[
    list[str], typer.Option("--region", help="The one region to change first.")
]
ThenOption = Annotated[
    list[str],
    typer.Option("--then", help="The next region, once the one before is healthy; repeatable."),
]
PreviewOption = Annotated[
    str | None, typer.Option("--preview", help="pr-123: the environment of a pull request.")
]
FileOption = Annotated[
    list[Path], typer.Option("--values", "-f", help="More values, over the region's.")
]
SetOption = Annotated[
    list[str], typer.Option("--set", help="key.of.value=x, over all files; repeatable.")
]
ImageTagOption = Annotated[
    str | None, typer.Option("--image-tag", help="Short for --set image.tag=…, kept a string.")
]
ImageDigestOption = Annotated[
    str | None,
    typer.Option("--image-digest", help="sha256:…: exactly this image, whatever its tag is now."),
]
DeleteOption = Annotated[
    list[str],
    typer.Option("--delete", help="An object that may be deleted, Kind/name; repeatable."),
]
FirstOption = Annotated[
    bool, typer.Option("--first-install", help="Nothing runs there, and that is right.")
]
CanaryOption = Annotated[
    str | None, typer.Option("--canary", help="10%: first a few pods, compared with the rest.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask; without effect in production.")]

DEFAULT_CHART = Path("helm")
DEFAULT_AUDIT = Path("var/release-audit.jsonl")


def load_commands() -> ModuleType:
    """The room's commands, or one line that says which extra is missing."""
    try:
        from gateway.release import commands
    except ModuleNotFoundError as exc:
        if exc.name != "yaml":
            raise
        typer.echo(
            "gateway release needs PyYAML: install compiled-graphql-gateway[release]", err=True
        )
        raise typer.Exit(2) from exc
    return commands


@app.command()
def plan(
    env: EnvOption = [],
    region: RegionOption = [],
    then: ThenOption = [],
    preview: PreviewOption = None,
    files: FileOption = [],
    sets: SetOption = [],
    image_tag: ImageTagOption = None,
    image_digest: ImageDigestOption = None,
    delete: DeleteOption = [],
    first_install: FirstOption = False,
    canary: CanaryOption = None,
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
    digest_file: Annotated[
        Path | None, typer.Option(help="Write the plan's digest here, for `approve`.")
    ] = None,
) -> None:
    """Show what a release would change and what blocks it. Changes nothing."""
    c = load_commands()
    where = c.Files(chart=chart, targets=targets, audit_log=audit_log)
    wish = c.Wish(
        env=env, region=region, then=then, preview=preview, files=files, sets=sets,
        image_tag=image_tag, image_digest=image_digest, delete=delete, first_install=first_install, canary=canary,
    )  # fmt: skip
    c.run_command(lambda: c.plan(where, wish, digest_file))


@app.command()
def apply(
    env: EnvOption = [],
    region: RegionOption = [],
    then: ThenOption = [],
    preview: PreviewOption = None,
    files: FileOption = [],
    sets: SetOption = [],
    image_tag: ImageTagOption = None,
    image_digest: ImageDigestOption = None,
    delete: DeleteOption = [],
    first_install: FirstOption = False,
    canary: CanaryOption = None,
    yes: YesOption = False,
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Plan, show, confirm, apply region by region; roll back the region that fails and stop."""
    c = load_commands()
    where = c.Files(chart=chart, targets=targets, audit_log=audit_log)
    wish = c.Wish(
        env=env, region=region, then=then, preview=preview, files=files, sets=sets,
        image_tag=image_tag, image_digest=image_digest, delete=delete, first_install=first_install, canary=canary,
    )  # fmt: skip
    c.run_command(lambda: c.apply(where, wish, yes))


@app.command()
def digest(
    image: Annotated[str, typer.Argument(help="As values name it: registry/repository:tag.")],
    registry: Annotated[
        str | None,
        typer.Option(help="What a name without a registry means; else as targets.yaml says."),
    ] = None,
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
) -> None:
    """Print the digest that an image's tag has now, from its registry."""
    c = load_commands()
    where = c.Files(chart=chart, targets=targets, audit_log=DEFAULT_AUDIT)
    c.digest(where, image, registry)


@app.command()
def approve(
    env: Annotated[str, typer.Option("--env")],
    planned: Annotated[str, typer.Option("--plan", help="The digest that `plan` printed.")],
) -> None:
    """Print a token that approves one plan for an hour; needs GATEWAY_RELEASE_APPROVAL_KEY."""
    c = load_commands()
    c.run_command(lambda: c.approve(env, planned))


@app.command()
def rollback(
    revision: Annotated[int, typer.Argument(help="As `history` lists it.")],
    env: EnvOption = [],
    region: RegionOption = [],
    yes: YesOption = False,
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Roll one region back to an earlier revision, and watch it."""
    c = load_commands()
    where = c.Files(chart=chart, targets=targets, audit_log=audit_log)
    c.run_command(lambda: c.rollback(where, env, region, revision, yes))


@app.command()
def status(
    env: EnvOption = [],
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Every region of an environment: revision, pods, and what is wrong. Exit 1 when something is."""
    c = load_commands()
    where = c.Files(chart=chart, targets=targets, audit_log=audit_log)
    c.run_command(lambda: c.status(where, env))


@audit_app.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option("--head", help="A head that was printed before and kept elsewhere."),
    ] = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Follow the chain of the audit log: exit 1 where a line was changed, taken out or put in."""
    c = load_commands()
    c.run_command(lambda: c.audit_verify(audit_log, head))


@app.command()
def smoke(
    env: EnvOption = [],
    region: RegionOption = [],
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Print queries for the sources that none reaches.")
    ] = False,
    config: Annotated[
        Path, typer.Option("--config", "-c", help="The gateway's configuration, for --suggest.")
    ] = Path("gateway.toml"),
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Run the smoke queries against one region, or suggest queries that reach each source of the schema."""
    c = load_commands()
    where = c.Files(chart=chart, targets=targets, audit_log=audit_log)
    c.run_command(lambda: c.smoke(where, env, region, config if suggest else None))


@app.command()
def history(
    env: EnvOption = [],
    region: RegionOption = [],
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """The revisions of one region, oldest first: when, who, and the digest of the plan."""
    c = load_commands()
    where = c.Files(chart=chart, targets=targets, audit_log=audit_log)
    c.run_command(lambda: c.history(where, env, region))


@app.command()
def cleanup(
    region: RegionOption = [],
    preview: PreviewOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    chart: ChartOption = DEFAULT_CHART,
    targets: TargetsOption = None,
    audit_log: AuditOption = DEFAULT_AUDIT,
) -> None:
    """Delete one preview of staging, or, without --preview, all expired ones."""
    c = load_commands()
    where = c.Files(chart=chart, targets=targets, audit_log=audit_log)
    c.run_command(lambda: c.cleanup(where, region, preview, yes))
