"""AWS through boto3, against a moto server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.providers.aws import Aws
from tests.amazon import client, moto
from tests.autojoin.conftest import Asks, Clouds, Seen

REGION = "eu-west-1"
KEYS = "access_key_id=AKIAIOSFODNN7EXAMPLE secret_access_key=secret"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Where moto's server is."""
    with moto() as url:
        yield url


def tags(value: str) -> list[dict[str, str]]:
    """The tag that the provider looks for."""
    return [{"Key": "role", "Value": value}]


@pytest.fixture(scope="module")
def ec2(endpoint: str) -> dict[str, Any]:
    """Three tagged instances, one of them stopped, and one with another tag; all dual-stack."""
    machines = client("ec2", endpoint, REGION)
    image = machines.describe_images()["Images"][0]["ImageId"]
    vpc = machines.create_vpc(CidrBlock="10.9.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    prefix = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = machines.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.9.1.0/24", Ipv6CidrBlock=prefix)["Subnet"]
    machines.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    machines.modify_subnet_attribute(SubnetId=subnet["SubnetId"], AssignIpv6AddressOnCreation={"Value": True})

    def run(value: str) -> str:
        specification = [{"ResourceType": "instance", "Tags": tags(value)}]
        wanted = {"SubnetId": subnet["SubnetId"], "TagSpecifications": specification, "ImageId": image}
        return machines.run_instances(MinCount=1, MaxCount=1, **wanted)["Instances"][0]["InstanceId"]

    wanted, stopped = [run("server"), run("server")], run("server")
    run("client")
    machines.stop_instances(InstanceIds=[stopped])
    found = machines.describe_instances(InstanceIds=wanted)["Reservations"]
    return {"instances": [one for each in found for one in each["Instances"]]}


@pytest.mark.parametrize(("kind", "member"), [("private_v4", "PrivateIpAddress"), ("public_v4", "PublicIpAddress")])
async def test_running_instances_with_the_tag_are_found(
    endpoint: str, ec2: dict[str, Any], ask: Asks, kind: str, member: str
) -> None:
    """Stopped instances and those with another tag are left out; the type chooses the address."""
    text = f'provider=aws region={REGION} tag_key=role tag_value=server addr_type={kind} endpoint="{endpoint}" {KEYS}'
    assert sorted(await Aws().addresses(ask(text))) == sorted(each[member] for each in ec2["instances"])


async def test_all_ipv6_addresses_of_an_instance_are_found(endpoint: str, ec2: dict[str, Any], ask: Asks) -> None:
    """public_v6 takes every IPv6 address of every interface."""
    text = (
        f'provider=aws region={REGION} tag_key=role tag_value=server addr_type=public_v6 endpoint="{endpoint}" {KEYS}'
    )
    interfaces = [one for each in ec2["instances"] for one in each["NetworkInterfaces"]]
    expected = [address["Ipv6Address"] for one in interfaces for address in one["Ipv6Addresses"]]
    assert sorted(await Aws().addresses(ask(text))) == sorted(expected)


async def test_nothing_with_the_tag_is_no_error(endpoint: str, ask: Asks) -> None:
    """A tag that nobody has gives no addresses."""
    text = f'provider=aws region={REGION} tag_key=role tag_value=nobody endpoint="{endpoint}" {KEYS}'
    assert await Aws().addresses(ask(text)) == []


@pytest.fixture(scope="module")
def ecs(endpoint: str) -> dict[str, list[str]]:
    """Tasks in two clusters, of two families; the addresses by cluster and family."""
    network, cluster = client("ec2", endpoint, REGION), client("ecs", endpoint, REGION)
    subnet = network.describe_subnets()["Subnets"][0]["SubnetId"]
    addresses: dict[str, list[str]] = {}
    for name, family, value in (
        ("one", "a", "server"),
        ("one", "b", "server"),
        ("two", "a", "server"),
        ("two", "a", "x"),
    ):
        cluster.create_cluster(clusterName=name)
        container = {"name": "c", "image": "consul", "memory": 128, "cpu": 1}
        cluster.register_task_definition(
            family=family,
            containerDefinitions=[container],
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
        )
        tasks = cluster.run_task(
            cluster=name,
            taskDefinition=family,
            launchType="FARGATE",
            count=1,
            tags=[{"key": "role", "value": value}],
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}},
        )["tasks"]
        details = [detail for task in tasks for one in task["attachments"] for detail in one["details"]]
        found = [each["value"] for each in details if each["name"] == "privateIPv4Address"]
        addresses.setdefault(f"{name}/{family}/{value}", []).extend(found)
    return addresses


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ["one/a/server", "one/b/server", "two/a/server"]),
        ("ecs_cluster=two", ["two/a/server"]),
        ("ecs_family=b", ["one/b/server"]),
    ],
)
async def test_running_tasks_with_the_tag_are_found(
    endpoint: str, ecs: dict[str, list[str]], ask: Asks, text: str, where: list[str]
) -> None:
    """Tasks of all clusters, of one, or of a family give the address of their interface."""
    asked = ask(
        f'provider=aws service=ecs region={REGION} tag_key=role tag_value=server endpoint="{endpoint}" {KEYS} {text}'
    )
    found = await Aws().addresses(asked)
    assert sorted(found) == sorted(address for key in where for address in ecs[key])
    assert found


async def test_the_region_is_the_machines_own(endpoint: str, ec2: dict[str, Any], cloud: Clouds, ask: Asks) -> None:
    """Without region the instance identity document is asked, with a session token (IMDSv2)."""

    def metadata(seen: Seen) -> object:
        if seen.method == "PUT":
            return b"t0k"
        assert seen.headers["X-aws-ec2-metadata-token"] == "t0k"
        return {"region": REGION, "instanceId": "i-1"}

    there = await cloud(metadata)
    text = f'provider=aws tag_key=role tag_value=server endpoint="{endpoint}" {KEYS}'
    assert len(await Aws(there.url).addresses(ask(text))) == 2
    assert [each.path for each in there.seen] == ["/latest/api/token", "/latest/dynamic/instance-identity/document"]


async def test_the_region_of_a_task_is_in_its_name(
    endpoint: str, ec2: dict[str, Any], cloud: Clouds, ask: Asks
) -> None:
    """Inside ECS the task's metadata is asked instead, and the region cut out of its ARN."""
    there = await cloud(lambda _: {"TaskARN": f"arn:aws:ecs:{REGION}:012345678910:task/default/158d"})
    text = f'provider=aws tag_key=role tag_value=server endpoint="{endpoint}" {KEYS}'
    asked = ask(text, ECS_CONTAINER_METADATA_URI_V4=f"{there.url}/v4/x")
    assert len(await Aws().addresses(asked)) == 2
    assert there.seen[0].path == "/v4/x/task"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("tag_value=b", "the parameter tag_key is missing"),
        ("tag_key=a tag_value=b access_key_id=x", "secret_access_key is missing, access_key_id is given"),
        (f"tag_key=a tag_value=b region=x endpoint=http://127.0.0.1:1 {KEYS}", "ec2 in x failed: Could not connect"),
        (f"tag_key=a tag_value=b region=x endpoint=nonsense {KEYS}", "ec2 in x failed: Invalid endpoint"),
    ],
)
async def test_faults_name_the_parameter(ask: Asks, text: str, fault: str) -> None:
    """What is missing, half given or cannot be reached is told."""
    with pytest.raises(DiscoverError, match=fault):
        await Aws().addresses(ask(f"provider=aws {text}"))
