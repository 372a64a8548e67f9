"""Values that come later, and the tasks that make them. It knows nothing of GraphQL."""
