"""The roles of a running system: gateway, monitor, notifier, api. One process on a laptop, many in a city."""
