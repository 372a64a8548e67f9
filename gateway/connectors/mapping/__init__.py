"""The mapping language of connectors: parse, interpret, compile."""
