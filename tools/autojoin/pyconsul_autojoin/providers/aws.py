"""Amazon AWS: EC2 instances or ECS tasks by tag, through boto3 in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from msgspec import Struct

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import METADATA_TIMEOUT, Api, missing_extra

ECS_METADATA: Final = "ECS_CONTAINER_METADATA_URI_V4"
ADDRESS_TYPES: Final = ("private_v4", "public_v4", "public_v6")
TASKS_AT_ONCE: Final = 100  # the most that DescribeTasks takes
TOKEN_SECONDS: Final = "60"  # for one question; IMDSv2 takes 1 to 21600
PARAMETERS: Final = (
    Parameter("tag_key", "Key of the tag that instances or tasks must have.", required=True),
    Parameter("tag_value", "Value of that tag.", required=True),
    Parameter("region", "Region; that of the machine or task if left out."),
    Parameter("addr_type", f"One of {', '.join(ADDRESS_TYPES)}; tasks have private_v4 only.", default="private_v4"),
    Parameter("access_key_id", "Access key.", env="AWS_ACCESS_KEY_ID"),
    Parameter("secret_access_key", "Secret of that key.", env="AWS_SECRET_ACCESS_KEY", secret=True),
    Parameter("session_token", "Session token of temporary keys.", env="AWS_SESSION_TOKEN", secret=True),
    Parameter("service", "ec2 or ecs.", default="ec2"),
    Parameter("ecs_cluster", "Name or ARN of the only cluster to look in."),
    Parameter("ecs_family", "Only tasks of this task definition family."),
    Parameter("endpoint", "URL of the service, where it is not AWS's own."),
)


class _Identity(Struct):
    region: str = ""


class _Task(Struct, rename={"arn": "TaskARN"}):
    arn: str = ""


@dataclass(frozen=True)
class _Wanted:
    region: str
    key: str
    value: str
    kind: str


@dataclass
class Aws:
    """Running instances or tasks with a tag in a region."""

    metadata: str = "http://169.254.169.254"

    title = "Amazon AWS"
    parameters = PARAMETERS
    notes = """
Without access_key_id the usual chain is asked: environment, shared files, web identity, container, instance role.

EC2 needs the permission ec2:DescribeInstances; ECS needs ecs:ListClusters, ecs:ListTasks and ecs:DescribeTasks.
"""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The private or public address of each instance, all IPv6 addresses, or the address of each task."""
        key, value = ask.need("tag_key"), ask.need("tag_value")
        service = ask.choice("service", ("ec2", "ecs"), "ec2")
        kind = ask.choice("addr_type", ("private_v4",) if service == "ecs" else ADDRESS_TYPES, "private_v4")
        for one, other in (("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")):
            if ask.get(one) and not ask.get(other):
                raise ask.error(f"the parameter {other} is missing, {one} is given")
        given = "Static credentials provided" if ask.get("access_key_id") else "Using default credential chain"
        ask.debug(given)
        region = ask.get("region") or await self._own_region(ask)
        ask.info(f"Region is {region}")
        wanted = _Wanted(region, key, value, kind)
        look = _tasks if service == "ecs" else _instances
        return await asyncio.to_thread(look, ask, wanted)

    async def _own_region(self, ask: Lookup) -> str:
        if base := ask.environ.get(ECS_METADATA):
            ask.info("Region not provided. Looking up region in ecs metadata...")
            async with Api(ask, timeout=METADATA_TIMEOUT, direct=True) as api:
                arn = (await api.get(f"{base}/task", _Task)).arn
            parts = arn.split(":")
            if len(parts) < 6 or parts[0] != "arn":
                raise ask.error(f'unable to determine AWS region from ECS Task ARN: "{arn}"; give the parameter region')
            return parts[3]
        ask.info("Region not provided. Looking up region in ec2 metadata...")
        base = ask.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or self.metadata
        async with Api(ask, timeout=METADATA_TIMEOUT, direct=True) as api:
            lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": TOKEN_SECONDS}
            token = (await api.send("PUT", f"{base}/latest/api/token", headers=lifetime)).body.decode(
                "ascii", "replace"
            )
            url = f"{base}/latest/dynamic/instance-identity/document"
            region = (await api.get(url, _Identity, headers={"X-aws-ec2-metadata-token": token})).region
        if not region:
            raise ask.error("the instance identity document has no region; give the parameter region")
        return region


@contextmanager
def _client(ask: Lookup, service: str, region: str) -> Generator[Any]:
    """A boto3 client. What it raises inside comes out as DiscoverError."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise missing_extra(ask, "aws", error) from error
    config: Any = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": 3},
        user_agent_extra=ask.user_agent,
    )
    try:
        session: Any = boto3.Session(
            aws_access_key_id=ask.get("access_key_id") or None,
            aws_secret_access_key=ask.get("secret_access_key") or None,
            aws_session_token=(ask.get("session_token") or None) if ask.get("access_key_id") else None,
            region_name=region,
        )
        client: Any = session.client(service, endpoint_url=ask.get("endpoint") or None, config=config)
        try:
            yield client
        finally:
            client.close()
    except (BotoCoreError, ClientError, ValueError) as error:
        raise ask.error(f"{service} in {region} failed: {error}") from error


def _instances(ask: Lookup, wanted: _Wanted) -> list[str]:
    """Addresses of EC2 instances; blocks."""
    filters = [
        {"Name": f"tag:{wanted.key}", "Values": [wanted.value]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    ask.info(f"Filter instances with {wanted.key}={wanted.value}")
    found: list[str] = []
    with _client(ask, "ec2", wanted.region) as client:
        for page in client.get_paginator("describe_instances").paginate(Filters=filters):
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    found += _of_instance(ask, instance, wanted.kind)
    return found


def _of_instance(ask: Lookup, instance: dict[str, Any], kind: str) -> list[str]:
    if kind == "public_v6":
        interfaces = cast("list[dict[str, Any]]", instance.get("NetworkInterfaces", []))
        found = [each["Ipv6Address"] for one in interfaces for each in one.get("Ipv6Addresses", [])]
    else:
        address = instance.get("PublicIpAddress" if kind == "public_v4" else "PrivateIpAddress")
        found = [address] if address else []
    ask.info(f"Instance {instance['InstanceId']} has {kind} [{' '.join(found)}]")
    return found


def _tasks(ask: Lookup, wanted: _Wanted) -> list[str]:
    """Addresses of ECS tasks, cluster by cluster; blocks."""
    ask.info(f"Filter ECS tasks with {wanted.key}={wanted.value}")
    found: list[str] = []
    with _client(ask, "ecs", wanted.region) as client:
        for cluster in _clusters(client, ask.get("ecs_cluster")):
            limits = {"family": ask.get("ecs_family")} if ask.get("ecs_family") else {}
            arns: list[str] = []
            for page in client.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus="RUNNING", **limits):
                arns += page["taskArns"]
            ask.debug(f"Found {len(arns)} ECS Tasks in {cluster}")
            for begin in range(0, len(arns), TASKS_AT_ONCE):
                group = arns[begin : begin + TASKS_AT_ONCE]
                described = client.describe_tasks(cluster=cluster, tasks=group, include=["TAGS"])
                found += _of_tasks(described["tasks"], wanted)
    return found


def _clusters(client: Any, only: str) -> list[str]:
    if only:
        return [only]
    arns: list[str] = []
    for page in client.get_paginator("list_clusters").paginate():
        arns += page["clusterArns"]
    return arns


def _of_tasks(tasks: Sequence[dict[str, Any]], wanted: _Wanted) -> list[str]:
    """The address of the network interface of each running task with the tag."""
    found: list[str] = []
    for task in tasks:
        tags = cast("list[dict[str, str]]", task.get("tags", []))
        has_tag = any(tag.get("key") == wanted.key and tag.get("value") == wanted.value for tag in tags)
        if has_tag and task.get("desiredStatus") == "RUNNING":
            details = [detail for one in task.get("attachments", []) for detail in one.get("details", [])]
            addresses = (each["value"] for each in details if each.get("name") == "privateIPv4Address")
            found += [address for address in [next(addresses, "")] if address]
    return found
