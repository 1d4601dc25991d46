from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .conftest import plain, run
from .test_exporters import lying, says
from .test_servers import totals

if TYPE_CHECKING:
    from .conftest import Sink

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

BEGIN = """
import logging, multiprocessing, os, threading
from fastapi import FastAPI
from obsdeck import instrument, meter, tracer
from tests.unit.telemetry.conftest import call

logging.basicConfig()
app = instrument(FastAPI(), service_name="forks")
count = meter("job").create_counter("jobs")

def work(name):
    with tracer("job").start_as_current_span(name):
        count.add(1)
        logging.getLogger("job").warning(name)
"""
LATE = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_BLRP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
}


def instances(sink: Sink, name: str) -> set[str]:
    """Who sent the spans of this name."""
    return {
        plain(of_resource.resource.attributes)["service.instance.id"]
        for path, _, message in sink.received
        if path == "/v1/traces"
        for of_resource in message.resource_spans
        for scope in of_resource.scope_spans
        for span in scope.spans
        if span.name == name
    }


@pytest.mark.parametrize("how", ["fork", "forkserver", "spawn"])
def test_what_a_job_of_multiprocessing_records_arrives_once_and_as_its_own(sink: Sink, how: str) -> None:
    code = BEGIN.replace("\n\n", "\n") + (
        "if __name__ == '__main__':\n"
        "    work('parent')\n"
        f"    context = multiprocessing.get_context({how!r})\n"
        "    jobs = [context.Process(target=work, args=('child',)) for _ in range(2)]\n"
        "    [job.start() for job in jobs]; [job.join() for job in jobs]\n"
        "    print([job.exitcode for job in jobs])\n"
    )
    said = run_file(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **LATE)
    assert said.endswith("[0, 0]\n")
    assert sorted(span.name for span in sink.spans) == ["child", "child", "parent"]
    assert sorted(record.body.string_value for record in sink.logs) == ["child", "child", "parent"]
    assert list(totals(sink, "jobs").values()) == [1, 1, 1]
    assert len(instances(sink, "child") | instances(sink, "parent")) == 3


def run_file(code: str, **variables: str) -> str:
    """`run`, for a program that multiprocessing can import."""
    return run(
        "import subprocess, sys, tempfile, os\n"
        "folder = tempfile.mkdtemp()\n"
        f"open(folder + '/job.py', 'w').write({code!r})\n"
        "os.environ['PYTHONPATH'] = os.pathsep.join([os.getcwd(), os.environ.get('PYTHONPATH', '')])\n"
        "subprocess.run([sys.executable, folder + '/job.py'], check=True)\n",
        **variables,
    )


def test_a_child_forked_while_metrics_are_collected_is_not_stuck(sink: Sink) -> None:
    code = BEGIN + (
        "collecting, go_on = threading.Event(), threading.Event()\n"
        "def slow(_options):\n"
        "    collecting.set(); go_on.wait(); return []\n"
        "meter('job').create_observable_gauge('slow', [slow])\n"
        "threading.Thread(target=call, args=(app, '/metrics')).start()\n"
        "collecting.wait()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    go_on.set()\n"
        "    work('child')\n"
        "    assert 'jobs_total 1.0' in call(app, '/metrics').body.decode()\n"
        "    raise SystemExit\n"
        "print(os.waitpid(child, 0)[1])\n"
        "go_on.set()\n"
    )
    said = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **LATE)
    assert said.splitlines()[-1] == "0"
    assert [span.name for span in sink.spans] == ["child"]
    assert list(totals(sink, "jobs").values()) == [1]


def test_parent_and_child_have_connections_of_their_own() -> None:
    code = BEGIN + (
        "from obsdeck.telemetry import connection as module\n"
        "work('before'); module._connection.ending.flush()\n"
        "child = os.fork()\n"
        "if child: print(os.waitpid(child, 0)[1])\n"
        "work('after'); module._connection.ending.flush()\n"
    )
    with lying(says("200 OK")) as liar:
        said = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=liar.url, **LATE)
    assert "0" in said.splitlines()
    ports: dict[str, str] = {}
    for headers, body in liar.requests:
        if headers[":path"] == "/v1/traces":
            resource = ExportTraceServiceRequest.FromString(body).resource_spans[0].resource
            ports[headers[":port"]] = plain(resource.attributes)["service.instance.id"]
    assert len(ports) == len(set(ports.values())) == 2


def test_a_child_does_not_serve_the_request_that_forked_it(sink: Sink) -> None:
    code = BEGIN + (
        "@app.get('/fork')\n"
        "def fork():\n"
        "    child = os.fork()\n"
        "    if child: return os.waitpid(child, 0)[1]\n"
        "    page = call(app, '/metrics').body.decode()\n"
        "    os._exit('http_server_active_requests{' in page or 'http_server_request_duration' in page)\n"
        "for _ in range(2): print(call(app, '/fork').body.decode())\n"
    )
    said = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **LATE)
    assert said.splitlines()[-2:] == ["0", "0"]
    assert [span.name for span in sink.spans] == ["GET /fork"] * 2
    assert sink.metrics["http.server.request.duration"].histogram.data_points[0].count == 2
