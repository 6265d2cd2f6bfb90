"""How fast the engine is on this machine: what `mingluo bench engine` measures, with its yardsticks."""
