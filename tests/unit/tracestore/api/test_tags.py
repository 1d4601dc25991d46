from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

PROTOBUF = {"content-type": "application/x-protobuf"}
BEGIN = 1_700_000_000


@pytest.fixture
def filled(client: httpx.Client, request_of: Callable[..., Any], span: Callable[..., Any]) -> httpx.Client:
    request = request_of(
        1,
        [
            span(
                1,
                name="GET /",
                service="front",
                attributes={"color": "red", "size": 3, "load": 2.0, "hot": True},
            ),
            span(
                2,
                parent=1,
                name="db",
                service="back",
                resource={"color": "blue"},
                attributes={"tags": ["x", "y"]},
            ),
            span(3, parent=1, name="db", service=None, attributes={"map": {"a": 1}, "size": "3"}),
        ],
    )
    client.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)
    return client


def scopes(client: httpx.Client, **parameters: Any) -> dict[str, list[str]]:
    found = client.get("/api/v2/search/tags", params=parameters).json()["scopes"]
    return {scope["name"]: scope["tags"] for scope in found}


def values(client: httpx.Client, tag: str, **parameters: Any) -> list[tuple[str, str]]:
    answer = client.get(f"/api/v2/search/tag/{tag}/values", params=parameters)
    assert answer.status_code == 200, answer.text
    return [(value["type"], value.get("value", "")) for value in answer.json()["tagValues"]]


def test_names_by_scope(filled: httpx.Client) -> None:
    found = scopes(filled)
    assert found["span"] == ["color", "hot", "load", "map", "size", "tags"]
    assert found["resource"] == ["color", "service.name"]
    assert "rootServiceName" in found["intrinsic"]


@pytest.mark.parametrize("scope", ["span", "resource", "intrinsic"])
def test_one_scope(filled: httpx.Client, scope: str) -> None:
    assert list(scopes(filled, scope=scope)) == [scope]


def test_scopes_that_only_tempo_fills_are_empty(filled: httpx.Client) -> None:
    assert scopes(filled, scope="event") == {}


def test_a_scope_that_does_not_exist_is_a_bad_request(filled: httpx.Client) -> None:
    assert filled.get("/api/v2/search/tags", params={"scope": "nope"}).status_code == 400


def test_names_of_the_spans_that_a_filter_finds(filled: httpx.Client) -> None:
    found = scopes(filled, q='{ name = "db" && resource.service.name = "back" }')
    assert found["span"] == ["tags"]
    assert found["resource"] == ["color", "service.name"]


def test_a_query_that_is_no_plain_filter_is_passed_over(filled: httpx.Client) -> None:
    for query in (
        "{",
        "{ name = }",
        '{ name = "db" } && { name = "GET /" }',
        '{ name = "db" } | count() > 1',
    ):
        assert scopes(filled, q=query) == scopes(filled)
        assert values(filled, "span.color", q=query) == [("string", "red")]


def test_the_first_version_merges_the_scopes(filled: httpx.Client) -> None:
    names = filled.get("/api/search/tags").json()["tagNames"]
    assert names == ["color", "hot", "load", "map", "service.name", "size", "tags"]
    assert "rootName" in filled.get("/api/search/tags", params={"scope": "intrinsic"}).json()["tagNames"]


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("span.color", [("string", "red")]),
        ("resource.color", [("string", "blue")]),
        (".color", [("string", "blue"), ("string", "red")]),
        ("span.size", [("int", "3"), ("string", "3")]),
        ("span.load", [("float", "2.0")]),
        ("span.hot", [("bool", "true")]),
        ("span.tags", [("string", "x"), ("string", "y")]),
        ("span.map", []),
        ("span.absent", []),
        ("resource.service.name", [("string", ""), ("string", "back"), ("string", "front")]),
        ("name", [("string", "GET /"), ("string", "db")]),
        ("span:name", [("string", "GET /"), ("string", "db")]),
        ("rootName", [("string", "GET /")]),
        ("rootServiceName", [("string", "front")]),
        ("status", [("keyword", "unset"), ("keyword", "ok"), ("keyword", "error")]),
        ("duration", []),
        ('span."color"', [("string", "red")]),
    ],
)
def test_values(filled: httpx.Client, tag: str, found: list[tuple[str, str]]) -> None:
    assert values(filled, tag) == found


def test_kinds_are_keywords(filled: httpx.Client) -> None:
    assert ("keyword", "server") in values(filled, "kind")


def test_values_of_the_spans_that_a_filter_finds(filled: httpx.Client) -> None:
    assert values(filled, "name", q="{ span.size = 3 }") == [("string", "GET /")]
    assert values(filled, "resource.service.name", q='{ name = "db" }') == [
        ("string", ""),
        ("string", "back"),
    ]
    assert values(filled, ".color", q='{ name = "db" }') == [("string", "blue")]
    assert values(filled, "span.size", q='{ resource.service.name =~ "f.*" }') == [("int", "3")]


def test_no_more_values_than_asked_for(filled: httpx.Client) -> None:
    assert len(values(filled, "name", limit=1)) == 1


def test_a_time_without_spans_has_no_names_and_values(filled: httpx.Client) -> None:
    outside = {"start": BEGIN - 100, "end": BEGIN - 10}
    assert list(scopes(filled, **outside)) == ["intrinsic"]
    assert values(filled, "name", **outside) == []
    assert values(filled, "name", start=BEGIN - 100, end=BEGIN + 10)


@pytest.mark.parametrize("tag", ["nope", "service.name", "{", "resource.", "span:id", "event.a"])
def test_what_is_no_tag_is_a_bad_request(filled: httpx.Client, tag: str) -> None:
    answer = filled.get(f"/api/v2/search/tag/{tag}/values")
    assert answer.status_code == 400
    assert "valid tagName" in answer.text


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("service.name", ["", "back", "front"]),
        ("name", ["GET /", "db"]),
        ("root.name", ["GET /"]),
        ("size", ["3"]),
        ("load", ["2.0"]),
        ("absent", []),
    ],
)
def test_the_first_version_has_values_without_types(filled: httpx.Client, tag: str, found: list[str]) -> None:
    assert filled.get(f"/api/search/tag/{tag}/values").json()["tagValues"] == found
