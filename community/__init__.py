"""The words everyone shares: places, devices, quantities, readings, findings, alerts; and the estate with its store."""
