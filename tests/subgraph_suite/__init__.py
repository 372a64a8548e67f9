"""The public tests of subgraphs, fetched and run against this gateway as the products subgraph."""
