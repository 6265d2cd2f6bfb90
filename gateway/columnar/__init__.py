"""The fast path: socket chunks → columns, compiled. What it cannot do surely is left to `gateway.decoding`."""
