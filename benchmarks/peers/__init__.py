"""Other ways to answer the same query, each as its competent user would write it."""
