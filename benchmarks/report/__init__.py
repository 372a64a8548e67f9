"""What a result says, for a terminal, a Markdown file and a browser."""
