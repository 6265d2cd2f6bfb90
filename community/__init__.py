"""The words everyone shares: places, households, devices, quantities and units, readings, findings, alerts; and the estate with its store."""
