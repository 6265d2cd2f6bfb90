"""Buckets with retention, and tasks that roll up: made once, and again whenever they are not as they should be."""

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket import Bucket
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.organization import Organization
from influxdb_client.domain.task_create_request import TaskCreateRequest
from influxdb_client.domain.task_update_request import TaskUpdateRequest
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from gateway.history.influx import flux
from gateway.history.influx.options import InfluxOptions
from gateway.history.influx.sender import unavailable
from gateway.history.influx.server_store import client_of
from gateway.history.store import HistoryUnavailable, Resolution

TASKS = {
    Resolution.MINUTE: ("1h", "10m", "2h"),
    Resolution.HOUR: ("6h", "20m", "1d"),
}
"""Into → how often, how long after, and how far it looks back. The historian rolls up as data come
(`InfluxStore.tend`); the tasks mend what it could not, and what others write into the buckets."""


def initialise(options: InfluxOptions) -> list[str]:
    """Create or correct what the history needs in InfluxDB; harmless when all is there.

    The token must be one that may make buckets and tasks in the organisation ("all access").

    Returns:
        What was done to each bucket and task, a sentence each.

    Raises:
        HistoryUnavailable: the server did not let us, and why.
    """
    with client_of(options) as client:
        try:
            organisation = _organisation(client, options)
            done = [_bucket(client, options, organisation, resolution) for resolution in Resolution]
            return done + [_task(client, options, organisation, into) for into in TASKS]
        except (ApiException, HTTPError, OSError) as e:
            raise unavailable(e, options.url) from e


def _organisation(client: InfluxDBClient, options: InfluxOptions) -> Organization:
    found: list[Organization] = client.organizations_api().find_organizations(org=options.org)
    if not found:
        raise HistoryUnavailable(
            f"{options.url} has no organisation {options.org!r} (or the token may not see it); "
            "organisations are made by InfluxDB's own set-up"
        )
    return found[0]


def _bucket(client: InfluxDBClient, options: InfluxOptions, organisation: Organization, resolution: Resolution) -> str:
    api = client.buckets_api()
    name = flux.bucket_of(options.bucket, resolution)
    kept_ms = {Resolution.RAW: options.retention.raw_ms, Resolution.MINUTE: options.retention.minute_ms}
    seconds = kept_ms.get(resolution, 0) // 1000
    rules = [BucketRetentionRules(type="expire", every_seconds=seconds)] if seconds else []
    how_long = f"{seconds // 86_400} days" if seconds else "for ever"
    found: list[Bucket] = api.find_buckets(name=name, org=options.org).buckets
    if not found:
        api.create_bucket(bucket_name=name, retention_rules=rules, org=organisation)
        return f"bucket {name}: created, keeps {how_long}"
    bucket = found[0]
    if sum(rule.every_seconds for rule in bucket.retention_rules) == seconds:
        return f"bucket {name}: is there, keeps {how_long}"
    bucket.retention_rules = rules
    api.update_bucket(bucket)
    return f"bucket {name}: changed, keeps {how_long}"


def _task(client: InfluxDBClient, options: InfluxOptions, organisation: Organization, into: Resolution) -> str:
    api = client.tasks_api()
    name = f"{flux.bucket_of(options.bucket, into)} roll-up"
    script = flux.task(name, options.bucket, options.org, into, *TASKS[into])
    found = [task for task in api.find_tasks(name=name, org=options.org) if task.name == name]
    if not found:
        api.create_task(task_create_request=TaskCreateRequest(org_id=organisation.id, flux=script, status="active"))
        return f"task {name}: created"
    if found[0].flux == script and found[0].status == "active":
        return f"task {name}: is there"
    api.update_task_request(found[0].id, TaskUpdateRequest(flux=script, status="active"))
    return f"task {name}: changed"
