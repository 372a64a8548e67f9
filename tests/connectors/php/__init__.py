"""The PHP dialect, against PHP itself where it is installed."""
