"""Rulebooks that come with Mingluo."""
