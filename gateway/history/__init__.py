"""Readings kept and asked for again: one interface, DuckDB embedded or InfluxDB by setting."""
