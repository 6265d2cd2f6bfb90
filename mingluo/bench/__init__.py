"""How fast the whole is on this machine: a real `mingluo up`, a real broker, a load generator, in one run."""
