"""The sentences of the contract."""

from community.refusal import Reason

ABOUT = """How a device speaks to Mingluo in the project's own way: MQTT 3.1.1 and JSON. Devices that speak otherwise
are read through profiles and need nothing of this.

Seen from the gateway: it receives telemetry, events, status and replies, and sends errors and commands. A device may
publish only below its own topic and subscribe only to its own `command` and `error`. Members of an object that are not
named here are ignored, except in `values`, where an unknown name is refused, so that a mistyped one is noticed.

The same reading sent twice (equal time, equal values) is one. What is older or further ahead than the operator
allows is refused (7 days and 60 s unless set otherwise), and so are messages above 64 KiB."""

CHANNELS: dict[str, tuple[str, str]] = {
    "telemetry": ("telemetry", "Measured values come in."),
    "event": ("event", "What the device itself decided comes in: an alarm, a trip, a test button."),
    "status": ("status", "Birth and last will come in."),
    "error": ("error", "A device is told why its message was refused, at most once a second."),
    "command": ("command", "Reserved: a command goes down to a device."),
    "reply": ("command/reply", "Reserved: a device answers a command."),
}
"""Channel → last levels of its topic, and what the operation does."""

MESSAGES: dict[str, tuple[str, str]] = {
    "telemetry": ("Telemetry", "One reading, or a list of readings (a backlog after an outage)."),
    "event": ("Event", "One event, or a list. A quantity is no event: it belongs into telemetry."),
    "status": ("Status", 'Retained, at QoS 1. The bare words "online" and "offline" are understood too.'),
    "error": ("Error", "Why a message, or a part of it, was refused."),
    "command": ("Command", "Reserved; more members may come."),
    "reply": ("Reply", "Reserved; more members may come."),
}
"""Message → title and summary."""

EVENT_NOTES: dict[str, str] = {
    "test": "Test button or self-test. Never an alarm.",
    "mute": "The device was silenced on the spot.",
    "trip": "The breaker opened by itself.",
    "manual_call": "Somebody pressed a call point.",
    "end_of_life": "The sensor has to be replaced.",
    "power_lost": "Mains failed; the device runs from its battery.",
    "online": "As the status topic has it: 1 birth, 0 last will.",
    "early_warning": "The device sees danger coming, below its alarm.",
    "clock_fault": "The device's clock is not credible; the time of receipt was used. Noted by the gateway.",
    "sensor_fault": "A sensor is lost or implausible. Noted by the gateway, or sent by the device.",
    "contradiction": "A flag and its level, or power and current, disagree. Noted by the gateway.",
    "rate_limited": "More messages than this device may send; the rest is left out. Noted by the gateway.",
}
"""What an event means, where its name does not say it."""

MEANING: dict[Reason, str] = {
    Reason.UNKNOWN_TOPIC: "Not a topic of this contract.",
    Reason.UNKNOWN_DEVICE: "No device of this id is registered.",
    Reason.WRONG_TOPIC: "The device is registered at another community or household.",
    Reason.NOT_JSON: "The payload is no JSON in UTF-8.",
    Reason.SCHEMA: "The payload has another form than its schema.",
    Reason.OUT_OF_RANGE: "No working sensor reports this value in this unit.",
    Reason.NAN: "NaN or Infinity.",
    Reason.UNKNOWN_SIGNAL: "No such quantity or event.",
    Reason.DUPLICATE: "The same reading came before.",
    Reason.TOO_LARGE: "More bytes than the operator allows.",
    Reason.RATE_LIMITED: "More messages than a device may send; the newest come in.",
    Reason.RATE_LIMITED: "More messages than a device may send; the latest, and those that tell an event, are read.",
}
"""What each reason of refusal means."""
