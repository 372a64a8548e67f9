// GraphiQL's panel of timings: asks for `extensions.trace` while it is open, takes it out of the answer, and
// draws it as a waterfall. Everything is drawn as text by React; nothing of an answer becomes markup.
"use strict";

const Timings = (() => {
  const h = React.createElement;
  const KEPT = "gateway:timings";
  const state = { isOpen: recall(), trace: null, isMissing: false };
  const watchers = new Set();

  function recall() {
    try {
      return localStorage.getItem(KEPT) === "open";
    } catch {
      return false; // a browser that keeps nothing
    }
  }

  function set(changes) {
    Object.assign(state, changes);
    for (const watcher of watchers) watcher();
  }

  function toggle() {
    set({ isOpen: !state.isOpen });
    try {
      localStorage.setItem(KEPT, state.isOpen ? "open" : "");
    } catch {
      // it is open until the page is left
    }
  }

  // The fetcher

  /** A fetcher that asks for timings while the panel is open. */
  function asking(fetcher) {
    return (params, options) => {
      if (!state.isOpen || params.operationName === "IntrospectionQuery") return fetcher(params, options);
      set({ trace: null, isMissing: false });
      const headers = { ...options?.headers, "x-gateway-trace": "true" };
      return taken(fetcher(params, { ...options, headers }));
    };
  }

  function taken(answer) {
    if (typeof answer?.then === "function") return answer.then(taken);
    if (typeof answer?.[Symbol.asyncIterator] !== "function") return take(answer);
    const parts = answer[Symbol.asyncIterator]();
    return {
      next: async () => {
        const step = await parts.next();
        return step.done ? step : { ...step, value: take(step.value) };
      },
      return: async (value) => parts.return?.(value) ?? { done: true, value },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  function take(answer) {
    if (Array.isArray(answer)) return answer.map(take);
    const trace = answer?.extensions?.trace;
    if (trace?.version !== 1) {
      set({ isMissing: state.trace === null });
      return answer;
    }
    set({ trace, isMissing: false });
    const { trace: _, ...others } = answer.extensions;
    const { extensions: __, ...rest } = answer;
    return Object.keys(others).length ? { ...rest, extensions: others } : rest;
  }

  // What is said

  function time(ns) {
    // What would be rounded to 1000 is one of the next unit.
    if (ns >= 999.5e6) return `${(ns / 1e9).toPrecision(3)} s`;
    if (ns >= 999.5e3) return `${(ns / 1e6).toPrecision(3)} ms`;
    return `${Math.max(1, Math.round(ns / 1e3))} µs`;
  }

  function size(bytes) {
    return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
  }

  function counted(number, noun) {
    return number ? `${number} ${noun}${number === 1 ? "" : "s"}` : null;
  }

  /** What stands beside a span's name. */
  function notes(span) {
    const said = span.attributes;
    const words =
      span.kind === "step"
        ? [
            counted(said["graphql.parents"], "parent"),
            counted(said["graphql.keys"], "key"),
            counted(said["graphql.calls"], "call"),
            said["gateway.calls_shared"] && `${said["gateway.calls_shared"]} shared`,
            counted(said["graphql.errors"], "error"),
          ]
        : [
            said["gateway.source"],
            said["http.response.status_code"],
            said["http.response.body.size"] !== undefined && size(said["http.response.body.size"]),
            said["gateway.attempt"] > 1 && `attempt ${said["gateway.attempt"]}`,
            said["gateway.hedge"] && "hedge",
            said["gateway.queue_wait_ms"] > 0 && `waited ${time(said["gateway.queue_wait_ms"] * 1e6)} for a place`,
          ];
    return [...words, said.error].filter(Boolean).join(" · ");
  }

  /** Spans in the order of a tree, each with how deep it stands. */
  function tree(spans) {
    const below = new Map();
    for (const span of spans) below.set(span.parent, [...(below.get(span.parent) ?? []), span]);
    const found = [];
    const visit = (parent, depth) => {
      for (const span of below.get(parent) ?? []) {
        found.push([span, depth]);
        visit(span.id, depth + 1);
      }
    };
    visit(null, 0);
    return found;
  }

  // What is drawn

  function Row({ span, depth, whole }) {
    const [isOpen, setOpen] = React.useState(false);
    const left = (span.start / whole) * 100;
    const width = Math.max((span.duration / whole) * 100, 0.4);
    const kind = span.attributes.error ? `${span.kind} failed` : span.kind;
    const details = Object.entries({ self: time(span.self), begins: time(span.start), ...span.attributes });
    return h(
      "li",
      null,
      h(
        "button",
        { type: "button", className: "timings-row", "aria-expanded": isOpen, onClick: () => setOpen(!isOpen) },
        h(
          "span",
          { className: "timings-name", style: { paddingLeft: `${depth * 0.9}em` }, title: `${span.name}  ${notes(span)}` },
          span.name,
          h("small", null, notes(span))
        ),
        h("span", { className: "timings-time" }, time(span.duration)),
        h(
          "span",
          { className: "timings-track" },
          h("i", { className: kind, style: { left: `${Math.min(left, 99.6)}%`, width: `${Math.min(width, 100 - Math.min(left, 99.6))}%` } })
        )
      ),
      isOpen &&
        h(
          "dl",
          null,
          details.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, String(value))))
        )
    );
  }

  function Waterfall({ trace }) {
    const whole = Math.max(trace.duration, 1);
    return h(
      "ol",
      { className: "timings-rows" },
      tree(trace.spans).map(([span, depth]) =>
        h(Row, { key: `${trace.traceId}${span.id}`, span, depth, whole })
      )
    );
  }

  function summary(trace) {
    const count = (kind) => trace.spans.filter((span) => span.kind === kind).length;
    const plan = trace.plan.plan_cache === "miss" ? "plan made" : "plan from the cache";
    return [time(trace.duration), counted(count("step"), "step"), counted(count("call"), "upstream call"), plan]
      .filter(Boolean)
      .join(" · ");
  }

  const HINT = "Run a query to see where its time went.";
  const NONE =
    "The answer has no timings: the gateway's [explain] trace_header does not allow them, or the answer came in parts.";

  /** The panel, below the answer. */
  function Panel() {
    const [, draw] = React.useReducer((number) => number + 1, 0);
    React.useEffect(() => {
      watchers.add(draw);
      return () => watchers.delete(draw);
    }, []);
    const { isOpen, trace, isMissing } = state;
    return h(
      "section",
      { className: isOpen ? "timings open" : "timings", "aria-label": "Timings" },
      h(
        "button",
        { type: "button", className: "timings-bar", "aria-expanded": isOpen, onClick: toggle },
        h("span", { className: "timings-switch", "aria-hidden": true }),
        h("strong", null, "Timings"),
        h("span", { className: "timings-summary" }, isOpen && trace ? summary(trace) : "")
      ),
      isOpen &&
        (trace
          ? h(Waterfall, { trace })
          : h("p", { className: "timings-hint" }, isMissing ? NONE : HINT))
    );
  }

  return { asking, Panel };
})();
