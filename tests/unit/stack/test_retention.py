from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from obsdeck.stack import retention
from obsdeck.stack.retention import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_what_fits_stays() -> None:
    assert retention.cutoff([Piece(1, 50), Piece(2, 50)], 100) is None
    assert retention.cutoff([], 100) is None


def test_the_oldest_go_until_there_is_room_again() -> None:
    pieces = [Piece(until, 30) for until in (1.0, 2.0, 3.0, 4.0)]
    assert retention.cutoff(pieces, 100) == 1.0
    assert retention.cutoff(pieces, 70) == 2.0


@pytest.mark.parametrize(("text", "size"), [("5MB", 5_000_000), ("2GB", 2 * 10**9), ("1TB", 10**12)])
def test_sizes(text: str, size: int) -> None:
    assert retention.size_of(text) == size


def chunk(data: Path, from_ms: int, through_ms: int, size: int) -> Path:
    name = base64.b64encode(f"{from_ms:x}:{through_ms:x}:213599a5".encode()).decode()
    path = data / "chunks" / "fake" / "5ac3296b6e864f92" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def block(data: Path, name: str, end: str, size: int) -> Path:
    path = data / "blocks" / "single-tenant" / name / "meta.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"endTime": end}))
    (path.parent / "data.parquet").write_bytes(b"x" * size)
    return path


def test_lokis_chunks_tell_their_times_by_their_names(tmp_path: Path) -> None:
    chunk(tmp_path, 1_000, 61_500, 10)
    (tmp_path / "chunks" / "fake" / "5ac3296b6e864f92" / "something else").write_text("")
    assert retention.chunks(tmp_path) == [Piece(61.5, 10)]


def test_no_data_is_no_pieces(tmp_path: Path) -> None:
    assert retention.chunks(tmp_path) == []
    assert retention.blocks(tmp_path) == {}


@pytest.fixture
def loki() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    asked: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(parse_qs(urlsplit(self.path).query))
            # As Loki 3.7.8 answers: a start of fewer than ten digits is no time.
            self.send_response(204 if len(asked[-1]["start"][0]) == 10 else 400)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def environ(tmp_path: Path, url: str) -> dict[str, str]:
    return {
        "OBSDECK_LOKI_DATA": str(tmp_path / "loki"),
        "OBSDECK_LOKI_URL": url,
        "OBSDECK_LOGS_MAX_SIZE": "1MB",
        "OBSDECK_TEMPO_DATA": str(tmp_path / "tempo"),
        "OBSDECK_TRACES_MAX_SIZE": "1MB",
    }


def test_a_round_asks_loki_and_retires_tempos_oldest_blocks(
    tmp_path: Path, loki: tuple[str, list[dict[str, list[str]]]]
) -> None:
    url, asked = loki
    for minute in range(3):
        chunk(tmp_path / "loki", minute * 60_000, minute * 60_000 + 59_000, 400_000)
    old = block(tmp_path / "tempo", "a", "2026-01-01T00:00:00Z", 700_000)
    new = block(tmp_path / "tempo", "b", "2026-01-02T00:00:00Z", 700_000)
    done = retention.look(environ(tmp_path, url))
    assert len(done) == 2
    assert asked == [{"query": ['{service_name=~".+"}'], "start": ["1000000000"], "end": ["59"]}]
    assert not old.exists()
    assert old.with_name("meta.compacted.json").exists()
    assert new.exists()
    assert retention.blocks(tmp_path / "tempo").keys() == {new}


def test_a_round_without_excess_does_nothing(tmp_path: Path) -> None:
    chunk(tmp_path / "loki", 0, 1, 10)
    assert retention.look(environ(tmp_path, "http://127.0.0.1:9")) == []


def test_a_loki_that_refuses_is_an_error_and_not_silence(
    loki: tuple[str, list[dict[str, list[str]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EARLIEST", 0)
    with pytest.raises(OSError, match="Loki refused the deletion: 400"):
        retention.delete_logs(loki[0], 10)
