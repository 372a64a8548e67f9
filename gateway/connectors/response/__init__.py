"""From the bytes of a backend's answer to values or decoded rows, or to the error of one that failed."""
