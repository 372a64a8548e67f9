"""Who is told of an answer: metrics, traces, the operation log. It changes nothing of what it sees."""
