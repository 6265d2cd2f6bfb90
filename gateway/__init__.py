"""Bytes in, readings out: the broker, the MQTT link, device profiles, admission, quarantine, the readings log."""
