"""The console: pages, modules and styles for the people who watch."""
