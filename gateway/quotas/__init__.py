"""How much each client may ask in a time: windows, where they are counted, and what a client is told."""
