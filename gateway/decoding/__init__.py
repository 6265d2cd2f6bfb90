"""Decoding: a topic and its payload → canonical signals. Profiles are data (`gateway.profiles`); this reads them."""
