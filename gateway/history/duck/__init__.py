"""The embedded store: a DuckDB catalogue with the newest readings, and Parquet files with all the others."""
