// Runs one real client against a server: a query, a mutation, a subscription that the mutation reaches, an
// operation that is refused, and a subscription that is left. Prints what it got as JSON.
const { createRequire } = require("node:module");
const path = require("node:path");
const [folder, kind, url] = process.argv.slice(2);
const installed = createRequire(path.join(folder, "package.json"));

function makeClient() {
  if (kind === "graphql-ws") {
    return installed("graphql-ws").createClient({
      url: url.replace("http", "ws"),
      webSocketImpl: installed("ws"),
      connectionParams: { token: "right" },
      lazy: true,
      retryAttempts: 0,
    });
  }
  const singleConnection = kind === "graphql-sse single";
  return installed("graphql-sse").createClient({ url, singleConnection, retryAttempts: 0 });
}

const client = makeClient();

function run(query, variables) {
  return new Promise((resolve, reject) => {
    const results = [];
    client.subscribe(
      { query, variables },
      { next: (value) => results.push(value), error: reject, complete: () => resolve(results) }
    );
  });
}

function listen(query, count, started) {
  const results = [];
  return new Promise((resolve, reject) => {
    const stop = client.subscribe(
      { query },
      {
        next: (value) => {
          if (results.length < count) results.push(value);
          started();
          if (results.length === count) stop();
        },
        error: reject,
        complete: () => resolve(results),
      }
    );
  });
}

(async () => {
  const found = {};
  found.query = await run("query ($n: String) { hello(name: $n) }", { n: "ö" });
  found.counted = await run("subscription { count(to: 3) }");
  found.refused = await run("{ unknown }").catch((errors) => ["error", errors]);
  // The topic's listener is there once its own first event has come: it is said again until then.
  let heard = false;
  const listening = listen("subscription { said { text } }", 1, () => (heard = true));
  while (!heard) found.mutation = await run('mutation { say(text: "hi") }');
  found.said = await listening;
  found.left = await listen("subscription { forever }", 1, () => {});
  console.log(JSON.stringify(found));
  await client.dispose();
})();
