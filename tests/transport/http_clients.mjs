// Each client sends a query, a mutation and a broken query; prints what it got as JSON.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, url] = process.argv.slice(2);
const resolve = createRequire(folder + "/package.json").resolve;
const load = (name) => import(pathToFileURL(resolve(name)).href);
const sha256 = async (text) => createHash("sha256").update(text).digest("hex");
const seen = [];
const fetchSeen = async (address, options) => {
  const answer = await fetch(address, options);
  seen.push({ method: options.method ?? "GET", body: String(options.body ?? address), status: answer.status, type: answer.headers.get("content-type") });
  return answer;
};
// urql stops its requests when it has what it wants, and node tells of it.
process.on("unhandledRejection", (error) => {
  if (error.name !== "AbortError") throw error;
});
const variables = { name: "Ada" };
const QUERY = "query Greeting($name: String!) { greeting(name: $name) }";
const MUTATION = "mutation Rename($name: String!) { rename(name: $name) }";
const BROKEN = "query Broken { fails }";

async function apollo(makeLink) {
  const { ApolloClient, InMemoryCache, HttpLink } = await load("@apollo/client");
  const { parse } = await load("graphql");
  const http = new HttpLink({ uri: url, fetch: fetchSeen });
  const link = makeLink ? await makeLink(http) : http;
  const client = new ApolloClient({ link, cache: new InMemoryCache(), clientAwareness: { name: "web", version: "1.2" } });
  const options = { fetchPolicy: "no-cache", errorPolicy: "all" };
  const query = await client.query({ query: parse(QUERY), variables, ...options });
  const again = await client.query({ query: parse(QUERY), variables, ...options });
  const mutation = await client.mutate({ mutation: parse(MUTATION), variables, ...options });
  const broken = await client.query({ query: parse(BROKEN), ...options });
  return [query.data.greeting, again.data.greeting, mutation.data.rename, broken.error?.message ?? null];
}

async function apolloPersisted() {
  const { PersistedQueryLink } = await load("@apollo/client/link/persisted-queries");
  return apollo((http) => new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(http));
}

async function apolloBatch() {
  const { BatchHttpLink } = await load("@apollo/client/link/batch-http");
  return apollo(() => new BatchHttpLink({ uri: url, fetch: fetchSeen, batchMax: 5 }));
}

async function urql(exchanges, more = {}) {
  const core = await load("@urql/core");
  const client = core.createClient({
    url, fetch: fetchSeen, preferGetMethod: false, requestPolicy: "network-only", ...more,
    exchanges: [...(await exchanges()), core.fetchExchange],
  });
  const query = await client.query(QUERY, variables).toPromise();
  const again = await client.query(QUERY, variables).toPromise();
  const mutation = await client.mutation(MUTATION, variables).toPromise();
  const broken = await client.query(BROKEN, {}).toPromise();
  return [query.data?.greeting, again.data?.greeting, mutation.data?.rename, broken.error?.message ?? null];
}

async function urqlPersisted() {
  const { persistedExchange } = await load("@urql/exchange-persisted");
  return urql(async () => [persistedExchange({ generateHash: sha256, preferGetForPersistedQueries: true })]);
}

async function graphqlRequest() {
  const { GraphQLClient } = await load("graphql-request");
  const client = new GraphQLClient(url, { fetch: fetchSeen, errorPolicy: "all" });
  const query = await client.request(QUERY, variables);
  const again = await client.request(QUERY, variables);
  const mutation = await client.request(MUTATION, variables);
  const strict = new GraphQLClient(url, { fetch: fetchSeen });
  const broken = await strict.request(BROKEN).catch((error) => error.response.errors[0].message);
  return [query.greeting, again.greeting, mutation.rename, broken];
}

async function relay() {
  const { Environment, Network, RecordSource, Store } = (await load("relay-runtime")).default;
  const send = async (params, given) => {
    const body = JSON.stringify({ documentId: params.id, query: params.text, variables: given });
    const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
    return (await fetchSeen(url, { method: "POST", headers, body })).json();
  };
  const environment = new Environment({ network: Network.create(send), store: new Store(new RecordSource()) });
  const run = (text, given) => environment.getNetwork()
    .execute({ id: undefined, text, name: "x", operationKind: "query", metadata: {} }, given, {}).toPromise();
  const query = await run(QUERY, variables);
  const again = await run(QUERY, variables);
  const mutation = await run(MUTATION, variables);
  const broken = await run(BROKEN, {});
  return [query.data.greeting, again.data.greeting, mutation.data.rename, broken.errors[0].message];
}

const clients = { apollo, apolloPersisted, apolloBatch, urql: () => urql(async () => []), urqlPersisted, graphqlRequest, relay };
const results = {};
for (const [name, run] of Object.entries(clients)) {
  seen.length = 0;
  try {
    results[name] = { got: await run(), seen: [...seen] };
  } catch (error) {
    results[name] = { error: String(error?.stack ?? error), seen: [...seen] };
  }
}
console.log(JSON.stringify(results));
