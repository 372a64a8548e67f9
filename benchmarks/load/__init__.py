"""Load on whole servers: CPU time per request from the kernel's accounting, in interleaved passes."""
