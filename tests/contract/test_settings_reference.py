"""`instrument`, the table of settings and the reference say the same; no variable is left out."""

from __future__ import annotations

import importlib.util
import inspect
import re
from typing import TYPE_CHECKING

import opentelemetry.environment_variables
import opentelemetry.instrumentation.environment_variables
import opentelemetry.sdk.environment_variables
import pytest

from obsdeck import instrument
from obsdeck.telemetry.settings import ARGUMENTS, VARIABLES

from .conftest import ROOT, program

if TYPE_CHECKING:
    from types import ModuleType

SETTINGS = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8").split("\n## In a service\n")[1]
PARAMETERS = [name for name in inspect.signature(instrument).parameters if name != "app"]


def generator() -> ModuleType:
    path = ROOT / "scripts" / "generate_reference.py"
    spec = importlib.util.spec_from_file_location("generate_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def standard(group: str) -> list[str]:
    script = generator()
    return [name for row in script.standard_variables()[group] for name in script.spelt_out(row["names"])]


def of_opentelemetry() -> set[str]:
    modules = (
        opentelemetry.environment_variables,
        opentelemetry.instrumentation.environment_variables,
        opentelemetry.sdk.environment_variables,
    )
    values = [value for module in modules for value in vars(module).values()]
    return {value for value in values if isinstance(value, str) and re.fullmatch(r"OTEL_[A-Z_]+", value)}


def test_every_argument_is_a_setting() -> None:
    assert set(PARAMETERS) <= ARGUMENTS.keys()


@pytest.mark.parametrize(
    "field", [name for name, row in ARGUMENTS.items() if row.name.startswith("OBSDECK_")]
)
def test_a_variable_of_ours_is_an_argument_in_lower_case(field: str) -> None:
    assert ARGUMENTS[field].name == f"OBSDECK_{field.upper()}"
    assert field in PARAMETERS


@pytest.mark.parametrize("argument", PARAMETERS)
def test_the_docstring_tells_the_variable_of_an_argument(argument: str) -> None:
    described = re.search(
        rf"^    {argument}: (.+?)(?=\n    \w+:|\n\n)",
        inspect.getdoc(instrument) or "",
        re.MULTILINE | re.DOTALL,
    )
    assert described is not None
    assert f"`{ARGUMENTS[argument].name}`" in described[1]


@pytest.mark.parametrize("field", ARGUMENTS)
def test_the_reference_has_a_row_for_every_setting(field: str) -> None:
    row = ARGUMENTS[field]
    beginning = f"| `{field}` | `{row.name}` |" if field in PARAMETERS else f"| `{row.name}` |"
    (line,) = [line for line in SETTINGS.splitlines() if line.startswith(beginning)]
    assert (f"`{row.default}`" if row.default else "not set") in line
    assert row.meaning in line
    assert row.allowed in line


def test_what_becomes_of_every_variable_of_opentelemetry_is_told_once() -> None:
    told = [*VARIABLES, *standard("kept"), *standard("unused")]
    assert sorted(told) == sorted(set(told))
    assert of_opentelemetry() - set(told) == set()


KEPT = """
from fastapi import FastAPI
from opentelemetry import _logs, metrics, propagate, trace
from obsdeck import instrument
instrument(FastAPI(), service_name="limits")
spans = trace.get_tracer_provider()
limits, of_records = spans._span_limits, _logs.get_logger_provider()._log_record_limits
print(limits.max_span_attributes, limits.max_span_attribute_length, limits.max_events, limits.max_links)
print(limits.max_event_attributes, limits.max_link_attributes)
print(of_records.max_log_record_attributes, of_records.max_log_record_attribute_length)
print(limits.max_attributes, limits.max_attribute_length)
print(spans.sampler.get_description())
print(sorted(propagate.get_global_textmap().fields))
print(type(metrics.get_meter_provider()._sdk_config.exemplar_filter).__name__)
"""
UNUSED = """
import logging
import os
from fastapi import FastAPI
from obsdeck import instrument
from obsdeck.telemetry.connection import connected
from tests.unit.telemetry.conftest import Sink, call
logging.basicConfig()
sink = Sink()
app = instrument(FastAPI(), service_name="shop", endpoint=sink.url)
@app.get("/item")
def item():
    logging.warning("seen")
call(app, "/item", headers=[(b"x-token", b"sesame")])
print(connected(None, "").ending.flush(), sorted({path for path, _, _ in sink.received}))
print([span.name for span in sink.spans], "sesame" in str(sink.spans), flush=True)
os._exit(0)
"""


def test_standard_variables_that_are_kept_do_what_they_say() -> None:
    numbers = {
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "11",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "12",
        "OTEL_SPAN_EVENT_COUNT_LIMIT": "13",
        "OTEL_SPAN_LINK_COUNT_LIMIT": "14",
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "15",
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "16",
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "17",
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "18",
    }
    others = {
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25",
        "OTEL_PROPAGATORS": "baggage",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_METRICS_EXEMPLAR_FILTER": "always_off",
    }
    assert program(KEPT, **numbers, **others) == [
        "11 12 13 14",
        "15 16",
        "17 18",
        "128 4096",
        "TraceIdRatioBased{0.25}",
        "['baggage']",
        "AlwaysOffExemplarFilter",
    ]


def test_standard_variables_without_effect_have_none() -> None:
    server = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER"
    telling = {
        "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": ".*",
        f"{server}_REQUEST": ".*",
        f"{server}_RESPONSE": ".*",
    }
    unused = dict.fromkeys(standard("unused"), "1")
    assert telling.keys() <= unused.keys()
    assert program(UNUSED, **(unused | telling)) == [
        "WARNING:root:seen",
        "True ['/v1/logs', '/v1/metrics', '/v1/traces']",
        "['GET /item'] False",
    ]
