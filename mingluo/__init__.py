"""The roof: settings, wiring of the roles, the command line."""
