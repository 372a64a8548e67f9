// graphql-ws as published: one subscription over sockets that the server closes when a token ends. Each connection takes
// the next token; what is heard is printed line by line, and the end comes with the last token's value.
const { createRequire } = require("node:module");
const path = require("node:path");
const [folder, url, ...tokens] = process.argv.slice(2);
const installed = createRequire(path.join(folder, "package.json"));
const say = (what, value) => console.log(JSON.stringify([what, value]));
let left = tokens.length;

const client = installed("graphql-ws").createClient({
  url: url.replace("http", "ws"),
  webSocketImpl: installed("ws"),
  connectionParams: async () => ({ authorization: `Bearer ${tokens.shift()}` }),
  retryWait: async () => {},
  on: { closed: (event) => say("closed", event.code) },
});

const stop = client.subscribe(
  { query: "subscription { me }" },
  {
    next: (value) => {
      say("next", value.data.me);
      left -= 1;
      if (!left) stop();
    },
    error: (error) => say("error", String(error.reason || error)),
    complete: () => say("complete", null),
  }
);
