"""The window: REST, live feed, accounts, the console."""
