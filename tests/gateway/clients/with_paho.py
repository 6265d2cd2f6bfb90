"""A device on paho-mqtt, told by one JSON argument what to do (see `clients.py`)."""

import json
import ssl
import sys
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def _client(order: dict[str, Any]) -> mqtt.Client:
    session = order.get("session", False)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=order["id"], clean_session=not session)
    client.username_pw_set(order["user"], order["password"])
    if tls := order.get("tls"):
        context = ssl.create_default_context(cafile=tls["ca"])
        if "certificate" in tls:
            context.load_cert_chain(tls["certificate"], tls["key"])
        client.tls_set_context(context)
    if will := order.get("will"):
        client.will_set(will["topic"], will["payload"], qos=1)
    return client


def main(order: dict[str, Any]) -> int:
    client = _client(order)
    refused: list[str] = []

    def connected(client: mqtt.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            refused.append(str(code))
            client.disconnect()
        elif order["do"] == "listen":
            client.subscribe([(topic, 1) for topic in order["topics"]])
        else:
            for message in order["messages"]:
                payload = "x" * message["size"] if "size" in message else message["payload"]
                client.publish(message["topic"], payload, message["qos"], message.get("retain", False))

    left = [order.get("count", 0) or len(order.get("messages", ()))]

    def one_less() -> None:
        left[0] -= 1
        if not left[0]:
            say("done")
            if order["do"] != "live":
                client.disconnect()

    def heard(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        say(json.dumps({"topic": message.topic, "payload": message.payload.decode(), "retained": message.retain}))
        one_less()

    client.on_connect = connected
    client.on_message = heard
    client.on_subscribe = lambda *_: say("ready")
    client.on_publish = lambda *_: one_less()
    client.connect(order["host"], order["port"])
    # Not loop_forever, which tries again for ever what was refused in the handshake.
    while (ended := client.loop()) == mqtt.MQTT_ERR_SUCCESS:
        pass
    if left[0] and not refused:
        refused.append(mqtt.error_string(ended))
    if refused:
        sys.stderr.write(f"{refused[0]}\n")
    return 1 if refused else 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
