"""Requests to clouds: what they carry, what counts as an answer, how a failure is told."""

from __future__ import annotations

import asyncio

import pytest

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.api import Api, missing_extra
from tests.autojoin.conftest import Answer, Asks, Clouds, Reply, Seen


def always(answer: object) -> Answer:
    """A cloud that gives the same to every request."""

    def give(_seen: Seen) -> object:
        return answer

    return give


async def complaint(api: Api, url: str) -> str:
    """What is said of one that fails, without its beginning."""
    with pytest.raises(DiscoverError) as caught:
        await api.send("GET", url)
    return str(caught.value).removeprefix("discover-x: GET ")


async def test_requests_say_who_asks_for_what(cloud: Clouds, ask: Asks) -> None:
    """Headers of one's own win; a name and password go as basic authentication."""
    there = await cloud(always([1]))
    async with Api(ask("provider=x"), headers={"Accept": "text/plain", "X-Own": "1"}) as api:
        await api.send("POST", there.url, headers={"X-More": "2"}, data=b"body", basic=("user", "p:w"))
    headers = there.seen[0].headers
    assert headers["User-Agent"] == ask("provider=x").user_agent
    assert [headers[name] for name in ("Accept", "X-Own", "X-More")] == ["text/plain", "1", "2"]
    assert (headers["Authorization"], there.seen[0].body) == ("Basic dXNlcjpwOnc=", b"body")


@pytest.mark.parametrize(("status", "is_answer"), [(200, True), (299, True), (300, False), (500, False)])
async def test_a_status_below_300_is_an_answer(cloud: Clouds, ask: Asks, status: int, is_answer: bool) -> None:
    """All others are failures."""
    there = await cloud(always(Reply(b"x", status, {"X-Page": "2"})))
    async with Api(ask("provider=x")) as api:
        if is_answer:
            answer = await api.send("GET", there.url)
            assert (answer.body, answer.headers["x-page"]) == (b"x", "2")
        else:
            assert f"{status} " in await complaint(api, there.url)


async def test_no_redirection_is_followed(cloud: Clouds, ask: Asks) -> None:
    """Credentials go only where they were meant to."""
    there = await cloud(always(Reply(b"", 302, {"Location": "/elsewhere"})))
    async with Api(ask("provider=x")) as api:
        assert await complaint(api, f"{there.url}/a?secret=1") == f"{there.url}/a: 302 Found"
    assert [seen.path for seen in there.seen] == ["/a"]


@pytest.mark.parametrize(
    ("body", "shown"),
    [(b"", ""), (b" no \n\n\tsuch  thing\n", ": no such thing"), (b"x" * 301, ": " + "x" * 300), (b"\xff", ": \ufffd")],
)
async def test_what_a_cloud_says_of_a_failure_is_told_on_one_line(
    cloud: Clouds, ask: Asks, body: bytes, shown: str
) -> None:
    """As far as it is not too long."""
    there = await cloud(always(Reply(body, 404)))
    async with Api(ask("provider=x")) as api:
        assert await complaint(api, f"{there.url}/a") == f"{there.url}/a: 404 Not Found{shown}"


async def test_a_cloud_that_says_nothing_is_told(ask: Asks) -> None:
    """Whether it hangs up, is not there, or could not be at all."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with Api(ask("provider=x"), direct=True) as api:
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a"
            assert await complaint(api, url) == f"{url}: Server disconnected"
        assert (await complaint(api, url)).startswith(f"{url}: Cannot connect to host")
        assert (await complaint(api, "http://[::1/a")).startswith("http://[::1/a: ")


async def test_null_is_as_if_it_were_not_there(cloud: Clouds, ask: Asks) -> None:
    """At any depth, but not in a list, where places count."""
    there = await cloud(always({"a": None, "b": [{"c": None, "d": 1}, None]}))
    async with Api(ask("provider=x")) as api:
        assert await api.get(there.url, dict[str, list[dict[str, int] | None]]) == {"b": [{"d": 1}, None]}
        assert await api.post(there.url, dict[str, object], data=b"{}") == {"b": [{"d": 1}, None]}
    assert [(seen.method, seen.body) for seen in there.seen] == [("GET", b""), ("POST", b"{}")]


async def test_text_that_is_none_is_an_unexpected_answer(cloud: Clouds, ask: Asks) -> None:
    """Also within a value."""
    there = await cloud(always(b'["\xff"]'))
    async with Api(ask("provider=x")) as api:
        with pytest.raises(DiscoverError, match="unexpected answer: "):
            await api.get(there.url, list[str])


@pytest.mark.parametrize(("url", "following"), [("/b?p=2", "/b?p=2"), ("https://a.test/c", "/c"), ("?p=2", "/a?p=2")])
def test_the_next_page_is_on_the_same_host(ask: Asks, url: str, following: str) -> None:
    """However a cloud writes its place."""
    assert Api(ask("provider=x")).same_origin("https://a.test/a", url) == f"https://a.test{following}"


@pytest.mark.parametrize("url", ["https://b.test/b", "http://a.test/b", "https://a.test:8443/b", "//b.test/b"])
def test_no_page_is_on_another_host(ask: Asks, url: str) -> None:
    """Nor on another port or without TLS: the token would go there."""
    with pytest.raises(DiscoverError, match=r"^discover-x: the next page is on another host: "):
        Api(ask("provider=x")).same_origin("https://a.test/a", url)


def test_a_library_without_a_name_is_told_as_it_failed(ask: Asks) -> None:
    """Together with what to install."""
    told = str(missing_extra(ask("provider=x"), "aws", ImportError("libx.so: too old")))
    assert told == "discover-x: libx.so: too old is not installed: pip install 'py-consul-agent[aws]'"
