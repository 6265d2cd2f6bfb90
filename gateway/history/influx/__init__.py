"""The history in InfluxDB 2 or VictoriaMetrics: line protocol in, Flux or MetricsQL out."""
