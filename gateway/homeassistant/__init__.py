"""Home Assistant's MQTT discovery: devices that say themselves what they publish, and where."""
