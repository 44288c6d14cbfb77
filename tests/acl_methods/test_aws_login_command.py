"""``consul login -aws-auto-bearer-token`` against an auth method of type aws-iam, with moto as AWS."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyconsul.cli.console import Console
from pyconsul.cli.main import main
from pyconsul.sdk import Client, Settings
from pyconsul.testing import InProcessAgent
from tests.amazon import client, moto

ROLE = "arn:aws:iam::123456789012:role/eng/dev"
REGION = "eu-west-1"


class Login:
    """Runs ``login`` as somebody with AWS credentials."""

    def __init__(self, agent: InProcessAgent, endpoint: str, folder: Path, keys: dict[str, str]) -> None:
        self.agent = agent
        self.endpoint = endpoint
        self.sink = folder / "token"
        self.keys = keys
        self.client = Client(Settings(address=agent.http_address, token=agent.management_token))

    def trust(self, **config: Any) -> None:
        """Write the auth method, and a rule that gives everybody a service of their name."""
        config = {"STSEndpoint": self.endpoint, "IAMEndpoint": self.endpoint, **config}
        self.client.acl.auth_method_create({"Name": "aws", "Type": "aws-iam", "Config": config})
        self.client.acl.binding_rule_create(
            {"AuthMethod": "aws", "BindType": "service", "BindName": "${entity_name}-service"}
        )

    def __call__(self, *flags: str) -> str:
        """What the command complains about; "" when the token is written."""
        err = io.BytesIO()
        console = Console(io.BytesIO(), err, io.BytesIO(), {"CONSUL_HTTP_ADDR": self.agent.http_address})
        words = ["-method=aws", f"-token-sink-file={self.sink}", "-aws-auto-bearer-token"]
        code = main(["login", *words, f"-aws-sts-endpoint={self.endpoint}", *flags], console)
        assert (code == 0) == (err.getvalue() == b"")
        return err.getvalue().decode()

    def services(self) -> list[str]:
        """The services that the token in the sink is for."""
        with Client(Settings(address=self.agent.http_address, token=self.sink.read_text())) as mine:
            token: Any = mine.acl.token_read_self()
        return [each["ServiceName"] for each in token["ServiceIdentities"]]


@pytest.fixture(scope="module", name="aws")
def aws_fixture() -> Iterator[tuple[str, dict[str, str]]]:
    """Where moto is, and the credentials of somebody who assumed a role there."""
    tags = [{"Key": "team", "Value": "blue"}]
    with moto() as endpoint:
        iam, sts = client("iam", endpoint, REGION), client("sts", endpoint, REGION)
        iam.create_role(RoleName="dev", Path="/eng/", AssumeRolePolicyDocument="{}", Tags=tags)
        yield endpoint, sts.assume_role(RoleArn=ROLE, RoleSessionName="s1")["Credentials"]


@pytest.fixture(name="login")
def login_fixture(aws: tuple[str, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Login]:
    """An agent, and an environment in which AWS's kits find these credentials alone."""
    endpoint, keys = aws
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
    with InProcessAgent(acl=True) as agent:
        login = Login(agent, endpoint, tmp_path, keys)
        yield login
        login.client.close()


def test_credentials_of_the_environment_log_in(login: Login) -> None:
    """Whoever assumed the role gets what the binding rule gives to it."""
    login.trust(BoundIAMPrincipalARNs=["arn:aws:iam::123456789012:role/dev"])
    assert login() == ""
    assert login.services() == ["dev-service"]


def test_the_role_can_be_asked_for(login: Login) -> None:
    """With the signed question for it, its path and tags count."""
    login.trust(
        BoundIAMPrincipalARNs=["arn:aws:iam::123456789012:role/eng/*"],
        EnableIAMEntityDetails=True,
        IAMEntityTags=["team"],
    )
    assert "missing header" in login()
    assert login("-aws-include-entity") == ""
    assert login.services() == ["dev-service"]


def test_a_token_is_signed_for_one_consul(login: Login) -> None:
    """The server's own word has to be in both signed questions."""
    login.trust(
        BoundIAMPrincipalARNs=["arn:aws:iam::123456789012:role/eng/dev"],
        EnableIAMEntityDetails=True,
        ServerIDHeaderValue="ours",
    )
    assert 'missing header "X-Consul-IAM-ServerID"' in login("-aws-include-entity")
    assert 'expected "ours" but got "theirs"' in login("-aws-include-entity", "-aws-server-id-header-value=theirs")
    assert login("-aws-include-entity", "-aws-server-id-header-value=ours") == ""


def test_credentials_can_be_given_as_flags(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """They count before those of the environment; so does the region."""
    login.trust(BoundIAMPrincipalARNs=["arn:aws:iam::123456789012:role/dev"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY")
    assert "is not trusted" in login()
    keys = login.keys
    assert (
        login(
            "-aws-region=us-east-2",
            f"-aws-access-key-id={keys['AccessKeyId']}",
            f"-aws-secret-access-key={keys['SecretAccessKey']}",
            f"-aws-session-token={keys['SessionToken']}",
        )
        == ""
    )


def test_without_region_or_credentials_nothing_is_signed(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert login() == "Error with aws-iam auth method: AWS credentials not found\n"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert login() == "Error with aws-iam auth method: AWS region not found\n"


def test_without_the_extra_it_says_what_to_install(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing is botocore's, which not everybody needs."""
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    assert "is not installed: pip install 'py-consul-agent[aws]'" in login()


def test_an_sts_that_does_not_answer_is_named(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for the role's name."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    told = login("-aws-include-entity", "-aws-sts-endpoint=http://127.0.0.1:1")
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:1/"' in told
