"""The port of those who run the gateway: commands that change it, by key, each of them audited."""
