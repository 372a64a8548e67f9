"""The Redis server that workers and pods share: how it is configured, and how a client of it is made."""
