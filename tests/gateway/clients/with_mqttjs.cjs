// A device on MQTT.js, told by one JSON argument what to do (see `clients.py`).
"use strict";
const fs = require("node:fs");
const mqtt = require("mqtt");

const order = JSON.parse(process.argv[2]);
const tls = order.tls;
const client = mqtt.connect({
  protocol: tls ? "mqtts" : "mqtt",
  host: order.host,
  port: order.port,
  protocolVersion: 4,
  clientId: order.id,
  username: order.user,
  password: order.password,
  clean: !order.session,
  reconnectPeriod: 0,
  will: order.will ? { ...order.will, qos: 1 } : undefined,
  ca: tls ? fs.readFileSync(tls.ca) : undefined,
  cert: tls?.certificate ? fs.readFileSync(tls.certificate) : undefined,
  key: tls?.key ? fs.readFileSync(tls.key) : undefined,
});

const say = (line) => process.stdout.write(`${line}\n`);
const done = () => {
  say("done");
  // Not at once: a message is acknowledged only after the handler that we are in.
  if (order.do !== "live") setImmediate(() => client.end());
};

client.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

// A retained message may come before the receipt of the subscription: the end waits for both.
let left = order.count ?? 0;
let subscribed = false;
client.on("message", (topic, payload, packet) => {
  say(JSON.stringify({ topic, payload: payload.toString(), retained: packet.retain }));
  left -= 1;
  if (left === 0 && subscribed) done();
});

client.on("connect", async () => {
  if (order.do === "listen") {
    await client.subscribeAsync(order.topics, { qos: 1 });
    say("ready");
    subscribed = true;
    if (left === 0) done();
    return;
  }
  for (const message of order.messages) {
    const payload = "size" in message ? "x".repeat(message.size) : message.payload;
    await client.publishAsync(message.topic, payload, { qos: message.qos, retain: message.retain ?? false });
  }
  done();
});
