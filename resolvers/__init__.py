"""The demo's resolvers: what the schema's connectors leave to Python, one example of every kind."""
