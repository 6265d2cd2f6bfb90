"""Device profiles: what a topic and its payload mean in canonical signals. One profile for each way of speaking."""
