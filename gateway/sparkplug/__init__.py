"""Sparkplug B: payloads, the sessions of edge nodes, and our part as a host application."""
