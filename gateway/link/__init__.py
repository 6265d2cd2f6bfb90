"""The MQTT link: one persistent session with the devices' broker, drained in batches, acknowledged when told."""
