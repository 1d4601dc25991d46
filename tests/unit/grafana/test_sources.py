from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import ConfigError
from obsdeck.grafana.dashboard import Reference
from obsdeck.grafana.sources import NoSourceError, expand, read

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
apiVersion: 1
datasources:
  - name: Metrics
    uid: prometheus
    type: prometheus
    url: "${URL}/"
    isDefault: true
  - {name: More metrics, uid: other, type: prometheus, url: http://other}
  - name: Logs
    uid: loki
    type: loki
    url: http://loki
    jsonData: {derivedFields: [{url: "$${__value.raw}"}]}
"""


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("${HOST}:$PORT", "h:1"),
        ("$__env{HOST}", "h"),
        ("$${__value.raw}", "${__value.raw}"),
        ("{$$__tags}", "{$__tags}"),
        ("${UNSET}|$UNSET|", "||"),
        ("${__value.raw}", ""),
        ("{$__tags}", "{}"),
        ("5$ a $.", "5$ a $."),
        ("$$$$", "$$"),
    ],
)
def test_values_are_expanded_as_grafana_does(text: str, done: str) -> None:
    assert expand(text, {"HOST": "h", "PORT": "1"}) == done


def test_the_file_is_read_with_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(FILE, encoding="utf-8")
    found = read(path, {"URL": "http://p"})
    assert [(one.uid, one.url, one.default) for one in found.all] == [
        ("prometheus", "http://p", True),
        ("other", "http://other", False),
        ("loki", "http://loki", False),
    ]
    assert found.by_uid("loki").settings == {"derivedFields": [{"url": "${__value.raw}"}]}
    assert found.at({"loki": "http://here"}).by_uid("loki").url == "http://here"


def test_a_reference_means_a_uid_a_name_or_the_default_of_a_type(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(FILE, encoding="utf-8")
    found = read(path, {})
    assert found.meant(Reference("other")).uid == "other"
    assert found.meant(Reference("More metrics")).uid == "other"
    assert found.meant(Reference()).uid == "prometheus"
    assert found.meant(Reference("default")).uid == "prometheus"
    assert found.meant(Reference("", "loki")).uid == "loki"
    with pytest.raises(NoSourceError, match="gone") as error:
        found.meant(Reference("gone"))
    assert "prometheus, other, loki" in error.value.why
    with pytest.raises(NoSourceError, match="tempo"):
        found.meant(Reference("", "tempo"))


@pytest.mark.parametrize(
    ("content", "why"), [("a: [", "no YAML"), ("a: 1", "no data sources"), ("- 1", "no data sources")]
)
def test_another_file_is_refused(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=why):
        read(path, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "none.yaml", {})
