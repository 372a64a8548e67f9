// Each client asks the demo for videos, watches a video's comments, and comments; Apollo Client also defers.
// Prints what each got as JSON.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [httpClients, streamClients, url] = process.argv.slice(2);
const from = (folder) => (name) => import(pathToFileURL(createRequire(folder + "/package.json").resolve(name)).href);
const load = from(httpClients);
const loadStream = from(streamClients);
const { parse, print } = await load("graphql");
const { createClient: webSockets } = await loadStream("graphql-ws");
const { createClient: events } = await loadStream("graphql-sse");
const { default: WebSocket } = await loadStream("ws");
const sha256 = async (text) => createHash("sha256").update(text).digest("hex");
process.on("unhandledRejection", (error) => {
  if (error.name !== "AbortError") throw error;
});

const VIDEOS = `query Videos($count: Int!) {
  videos(first: $count) { edges { node { id title channel { name verified } stats { views } topic { name } } } }
}`;
const COMMENT = `mutation Comment($video: ID!, $text: String!) {
  addComment(input: { videoId: $video, authorId: "u1", text: $text }) { comment { text author { name } } }
}`;
const COMMENTED = "subscription Commented($video: ID!) { commentAdded(videoId: $video) { text } }";
const VIEWERS = "subscription Viewers($video: ID!) { viewerCount(videoId: $video) }";
const DEFERRED = `query Deferred($count: Int!) {
  videos(first: $count) { edges { node { id title ... @defer(label: "numbers") { stats { views } } } } }
}`;

const socket = () => webSockets({ url: url.replace("http", "ws"), webSocketImpl: WebSocket, retryAttempts: 0 });
const stream = () => events({ url, retryAttempts: 0 });

// A subscription as a promise of its first event; `started` is a promise of the first number of viewers, which
// comes when the server listens.
function first(subscribe, query, variables) {
  return new Promise((resolve, reject) => {
    const stop = subscribe(query, variables, (event) => {
      resolve(event);
      setImmediate(stop);
    }, reject);
  });
}

// The comment is made again until who watches has heard one: a subscription does not say when it listens.
async function told(name, subscribe, comment) {
  const viewers = await first(subscribe, VIEWERS, { video: "v3" });
  let heard;
  const listening = first(subscribe, COMMENTED, { video: "v3" }).then((event) => (heard = event));
  const made = [];
  while (heard === undefined) {
    made.push(await comment({ video: "v3", text: `by ${name}` }));
    await Promise.race([listening, new Promise((resolve) => setTimeout(resolve, 50))]);
  }
  return { viewers, heard, made: made[0] };
}

const raw = (client) => (query, variables, next, reject) =>
  client.subscribe({ query, variables }, { next: (result) => next(result.data), error: reject, complete() {} });

async function overOneClient(name, client) {
  const run = async (query, variables) => {
    for await (const result of client.iterate({ query, variables })) return result.data;
  };
  const videos = await run(VIDEOS, { count: 3 });
  const rest = await told(name, raw(client), (variables) => run(COMMENT, variables));
  await client.dispose();
  return { videos, ...rest };
}

async function apollo() {
  const { ApolloClient, ApolloLink, HttpLink, InMemoryCache } = await load("@apollo/client");
  const { GraphQLWsLink } = await load("@apollo/client/link/subscriptions");
  const { PersistedQueryLink } = await load("@apollo/client/link/persisted-queries");
  const { Defer20220824Handler } = await load("@apollo/client/incremental");
  const { getMainDefinition } = await load("@apollo/client/utilities");
  const ws = socket();
  const link = ApolloLink.split(
    ({ query }) => getMainDefinition(query).operation === "subscription",
    new GraphQLWsLink(ws),
    new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(new HttpLink({ uri: url, fetch: noting })),
  );
  const client = new ApolloClient({
    link, cache: new InMemoryCache(), incrementalHandler: new Defer20220824Handler(),
    defaultOptions: { watchQuery: { fetchPolicy: "no-cache" }, query: { fetchPolicy: "no-cache" } },
  });
  const query = (text, variables) => client.query({ query: parse(text), variables });
  const { data: videos } = await query(VIDEOS, { count: 3 });
  const { data: again } = await query(VIDEOS, { count: 3 });
  const subscribe = (text, variables, next, reject) => {
    const handle = client.subscribe({ query: parse(text), variables, fetchPolicy: "no-cache" })
      .subscribe({ next: (result) => next(result.data), error: reject });
    return () => handle.unsubscribe();
  };
  const comment = async (variables) => (await client.mutate({ mutation: parse(COMMENT), variables })).data;
  const rest = await told("apollo", subscribe, comment);
  const states = [];
  await new Promise((resolve, reject) => {
    client.watchQuery({ query: parse(DEFERRED), variables: { count: 3 } }).subscribe({
      next: (result) => {
        if (result.data) states.push({ data: result.data, state: result.dataState });
        if (result.dataState === "complete" && !result.loading) resolve();
      },
      error: reject,
    });
  });
  client.stop();
  await ws.dispose();
  return { videos, again, ...rest, states, asked: [...asked] };
}

const asked = [];
async function noting(address, options) {
  const answer = await fetch(address, options);
  asked.push({ method: options.method ?? "GET", type: answer.headers.get("content-type") });
  return answer;
}

async function urql() {
  const core = await load("@urql/core");
  const ws = socket();
  const forwardSubscription = ({ query, variables }) => ({
    subscribe: (sink) => ({ unsubscribe: ws.subscribe({ query, variables }, { ...sink, complete: () => sink.complete?.() }) }),
  });
  const client = core.createClient({
    url, preferGetMethod: false, requestPolicy: "network-only",
    exchanges: [core.fetchExchange, core.subscriptionExchange({ forwardSubscription })],
  });
  const subscribe = (text, variables, next, reject) => {
    const handle = client.subscription(text, variables).subscribe((result) => (result.error ? reject(result.error) : next(result.data)));
    return () => handle.unsubscribe();
  };
  const { data: videos } = await client.query(VIDEOS, { count: 3 }).toPromise();
  const rest = await told("urql", subscribe, async (variables) => (await client.mutation(COMMENT, variables).toPromise()).data);
  await ws.dispose();
  return { videos, ...rest };
}

// It has no subscriptions of its own: its users take graphql-sse or graphql-ws beside it.
async function graphqlRequest() {
  const { GraphQLClient } = await load("graphql-request");
  const client = new GraphQLClient(url);
  const sse = stream();
  const videos = await client.request(VIDEOS, { count: 3 });
  const rest = await told("graphqlRequest", raw(sse), (variables) => client.request(COMMENT, variables));
  sse.dispose();
  return { videos, ...rest };
}

async function relay() {
  const { Environment, Network, Observable, RecordSource, Store } = (await load("relay-runtime")).default;
  const sse = stream();
  const send = async (params, variables) => {
    const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
    return (await fetch(url, { method: "POST", headers, body: JSON.stringify({ query: params.text, variables }) })).json();
  };
  const subscribe = (params, variables) => Observable.create((sink) => sse.subscribe({ query: params.text, variables }, sink));
  const network = Network.create(send, subscribe);
  const environment = new Environment({ network, store: new Store(new RecordSource()) });
  const execute = (operationKind, text, variables) =>
    environment.getNetwork().execute({ id: undefined, text, name: "x", operationKind, metadata: {} }, variables, {});
  const listen = (text, variables, next, reject) => {
    const handle = execute("subscription", text, variables).subscribe({ next: (result) => next(result.data), error: reject });
    return () => handle.unsubscribe();
  };
  const { data: videos } = await execute("query", VIDEOS, { count: 3 }).toPromise();
  const rest = await told("relay", listen, async (variables) => (await execute("mutation", COMMENT, variables).toPromise()).data);
  sse.dispose();
  return { videos, ...rest };
}

const clients = {
  apollo, urql, graphqlRequest, relay,
  graphqlWs: () => overOneClient("graphqlWs", socket()),
  graphqlSse: () => overOneClient("graphqlSse", stream()),
};
const results = {};
for (const [name, run] of Object.entries(clients)) {
  try {
    results[name] = await run();
  } catch (error) {
    results[name] = { error: String(error?.stack ?? error) };
  }
}
console.log(JSON.stringify(results));
process.exit(0);
