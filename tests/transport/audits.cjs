// Runs the server audits of the `graphql-http` package against a URL and prints their results as JSON.
const { createRequire } = require("node:module");
const path = require("node:path");
const [folder, url] = process.argv.slice(2);
const { serverAudits } = createRequire(path.join(folder, "package.json"))("graphql-http");

(async () => {
  const results = [];
  for (const audit of serverAudits({ url })) {
    const { id, name, status, reason } = await audit.fn();
    results.push({ id, name, status, reason });
  }
  console.log(JSON.stringify(results));
})();
