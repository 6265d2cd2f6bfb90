"""The embedded broker: nats-server as a supervised child process, and who may connect to it."""
