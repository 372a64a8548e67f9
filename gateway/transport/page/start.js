// Starts GraphiQL on the page's own path. Nothing here is read from anywhere else.
"use strict";

const FIRST_QUERY = `# Ctrl-Enter runs it.
# Press Ctrl-Space for what can be asked.

{
  __typename
}
`;

const fetcher = GraphiQL.createFetcher({
  url: window.location.pathname,
  subscriptionUrl: window.location.href.replace(/^http/, "ws").replace(/[?#].*/, ""),
  headers: { accept: "application/graphql-response+json, application/json" },
});
// Only where the gateway shows timings to whoever asks.
const showsTimings = document.body.dataset.timings === "true";

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(
    GraphiQL,
    {
      fetcher: showsTimings ? Timings.asking(fetcher) : fetcher,
      defaultQuery: document.body.dataset.query || FIRST_QUERY,
      defaultEditorToolsVisibility: "variables",
      shouldPersistHeaders: false,
    },
    showsTimings && React.createElement(GraphiQL.Footer, null, React.createElement(Timings.Panel))
  )
);
