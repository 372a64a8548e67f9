"""The benchmark suite: `python -m benchmarks`. Every claim about speed comes out of it."""
