"""Readings in, findings out: the rulebook, the vectorized engine, replay. The only numpy kernels."""
