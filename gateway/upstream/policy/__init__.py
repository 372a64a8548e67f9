"""The policies around a source's transport: breaker, bulkhead, retry, hedge, and what each decided."""
