"""OpenFeature's scenarios, and flagd's, against the provider that reads a file. They are fetched, never kept here."""
