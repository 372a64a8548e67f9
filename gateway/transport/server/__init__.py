"""What the server itself needs: protocols, admission, shutdown."""
