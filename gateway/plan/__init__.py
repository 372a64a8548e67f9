"""Operation to plan: pure, synchronous, data only."""
