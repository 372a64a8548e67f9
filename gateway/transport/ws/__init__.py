"""WebSockets: graphql-transport-ws."""
