"""The soak: a gateway under mixed traffic and random faults for minutes; no test of pytest's."""
