"""docs/reload.md: how a reload goes, and what each setting needs, made of the table that the gateway itself uses."""

from __future__ import annotations

from dataclasses import fields

from gateway.app.config import Config
from gateway.app.reload.effects import EFFECTS, Effect, effect_of

NEEDS = {
    Effect.HOT: "a reload",
    Effect.WORKERS: "new workers",
    Effect.SERVER: "a new server",
}
TEXT = """# Reloading

Schema, connectors and most settings change without a restart: no connection is closed, no request fails, and
subscriptions go on.

## How to

- `gateway reload` tells a running server to read its files again, and says what came of it; `gateway reload --check`
  only looks whether they could be served. It asks the [admin port](configuration.md), with a key of `[admin] keys`.
- `POST /admin/reload` of the admin port does the same, `POST /admin/reload?check=true` looks only. 422 says that the
  files cannot be served, 409 that another reload is under way, and 503 that the
  worker which was asked is being replaced: ask again. Each command stands in the audit log.
- `gateway reload --canary 5`, and `POST /admin/reload?canary=5`, serve the files to five of a hundred clients first:
  [below](#canary).
- `kill -HUP PID` of `gateway serve`.
- `[reload] watch = true` reloads by itself when the configuration, a schema file or Python changes (but for installed
  packages: `pip` is not waited for). It follows symbolic links, so that a Kubernetes ConfigMap is read when the kubelet has swapped `..data`. What changes is read when it has stayed
  the same for `poll_interval_s`: a file that is half written is not. Files that were refused are tried again when they
  change, whichever worker watches then; where the reason may pass (a worker that did not answer, a disk that hung), after
  `prepare_timeout_s` too.

A signal or a change that comes while another reload is under way is seen to after it.

## What happens

1. The files are read once, in one worker. All workers build from what it has read.
2. Each worker builds the schema beside the one that it serves, in a thread, with all that `gateway check` looks at, and
   makes the plans of the documents that were used last (`reload.warm_plans`). A document all of whose fields, arguments
   and types are what they were is not validated again, and code that comes out the same is not compiled again; the plan
   itself is bound anew, because it holds the resolvers and sources of its schema. The thread rests between plans, a
   third of the time, so that requests beside it wait less.
3. When every worker could, each of them swaps. When one could not, none does: the version before goes on everywhere,
   readiness stays as it is, `gateway_reloads_total{result="refused"}` grows, and the error log has file and line.
4. A request that has begun ends by the version that it began with. Sources whose settings are equal keep their
   connections, breakers and stored answers. What a source has stored under other `[sources.NAME.cache]` settings is not
   given any more, from memory or from Redis. What `@on_startup` functions have made stays.

What takes new workers or a new server is tried first: `gateway check --start` makes all that a start makes on this
machine, in a process of its own; a new `admin.port` or `telemetry.metrics.port` is tried. Then the first new worker is
started: it opens its logs, keys, brokers and ports, runs `@on_startup`, and listens when it was decided that it is to.
Where it does not come up, the reload is refused with the reason, nothing has changed in any worker, and the next
reload tries again. A reload says `unchanged` only where every worker does what the files say; `waiting` where all that
is left takes a new server.

A worker that dies meanwhile is replaced by one that serves what was decided last, whatever the configuration and the
schema say by then. Python is imported anew: where its successor cannot start, the log says so, the other workers serve
on, and the start is tried again every 5 seconds. So is that of a worker which is to replace another after the first.
The server ends when no worker is left. Where Python has changed since the others have imported it, the log says so, the
digest of that worker is another one, and the next reload replaces the others, also where nothing else has changed.

Python that counts is the modules and packages of `graph.resolvers` and of `[plugins]`, all that they import of your own,
wherever in their files (`import`, `from … import …`), and the names and versions of the installed packages. What is not
seen is a module by a name that a program computes, and a file that Python reads itself: `kill` the workers for that, one
after the other (`GET /admin/workers` has their pids); each ends what it has begun, and is replaced.

`gateway_revision_info` has the digest of what a worker serves: configuration, schema and Python. `gateway_revisions` has
how many revisions it holds: one, and two while the one before is drained.

## Canary

```
gateway reload --canary 5
```

The new schema is built and warmed in every worker, and is then served beside the old: to 5 % of the clients for
`reload.canary.window_s`. `[reload.canary] percent = 5` has each reload begin so, that of `watch` and SIGHUP too.

- **Who is in it** is decided by a hash of the principal's id and the digest of the files, else of what
  `override.anonymous_id` names, else of the address: a client has the same schema in every worker and pod, for the
  whole window. Other files are tried by other clients. A key whose view only the new files have is always in it: the
  others could not answer it.
- **Nothing is mixed up.** Each schema has plans, shared executions and subscriptions of its own. Sources with equal
  settings keep one set of connections, breakers and stored answers: what is stored has the request, its rules and the
  mapping in its key.
- **It returns** when the share of its queries and mutations that have errors is more than
  `reload.canary.max_error_increase` above that of the others. It is the mean of the clients' shares, and the client
  with the largest is left out on both sides (where there are three): none decides alone, however much it sends. Who has
  proved no name is one client with all others of its address, whatever ids it says it has. Both are counted from the
  moment on in which both are served, in all workers of the server, and one of them decides for all. What is no chance
  (three standard errors, at least `min_operations` of the canary) returns at once, the rest at the end of the window.
  Errors of any kind count, a field that is gone too, but those of syntax, quotas, overload and tokens. Events of
  subscriptions do not.
- **Every client gets it** at the end of the window, whatever was counted until then, and be it nothing. `gateway reload --canary 0` does that at once.
- **To end it by hand**, put the files back and reload: `withdrawn`. Other files end it too, and are built then. While
  it lasts `--check` answers 409: no third schema is built.
- **Subscriptions** that were opened by the schema that ends go on by the other, as with any reload.
- Settings of the endpoint (`http`, `csrf`, `cors`, `batching`, `compression`, `uploads`) hold from the promotion on.
  A change that takes new workers is refused with the keys: a worker's Python is there once.

A worker that dies meanwhile is replaced by one that takes part. Each pod decides by what its own clients get: where
that is little, a longer `window_s` makes it sure. `GET /admin/workers` shows what is tried and both
counts, for each worker; `gateway_canary_percent` and `gateway_canary_operations_total` say it over time, and
`gateway_reloads_total` has `trying`, `promoted`, `returned` and `withdrawn`. A canary that returned leaves its files
where they are: a pod that starts reads them, and serves them to all. Bring them back.

[Usage](partners.md#usage) counts each request by the schema that has answered it: fields that only the canary has are
told as well, and a field is deprecated for the requests of the schema that deprecates it.

## Subscriptions

The source stream of a subscription lives on. Its operation is validated and planned for the new schema before the
reload is over, and its next event is answered by that. A subscription that is not valid any more ends with one error,
`SUBSCRIPTION_SCHEMA_RELOAD`, whose message says why, and then `complete`; such ends are spread over
`reload.end_spread_s`, so that clients do not come back all at once. The same goes for one whose arguments mean another
stream than before, and for one that was shared with clients from whom the new schema tells it apart.
What the new schema denies to a client, or keeps out of its view, ends at once, also where the operation is not valid
any more.

## What a change needs

"New workers" means that the workers are replaced one after the other, each when its successor answers: `gateway serve`
with several workers does that by itself at a reload. With one worker, and for what needs a new server, the reload says
which keys wait, and everything else holds already.

| setting | needs |
|---|---|
"""


def reload() -> str:
    """The page."""
    rows = [f"| `[{key}]` | {NEEDS[effect_of(key)]} |" for key in _tables()]
    python = (
        "| Python: `graph.resolvers`, plugins, what they import, installed packages | new workers |"
    )
    schema = "| the files of `graph.schema` | a reload |"
    own = "| certificates, key sets, API keys, manifests of documents | nothing: they are read when they change |"
    return TEXT + "\n".join([schema, python, own, *rows]) + "\n"


def _tables() -> list[str]:
    """Each table, and below it what needs something else."""
    found = []
    for field in fields(Config):
        found.append(field.name)
        inner = [key for key in EFFECTS if key.startswith(f"{field.name}.")]
        found += [key for key in inner if effect_of(key) is not effect_of(field.name)]
    return found
