"""Calls that a service makes: spans of HTTP clients and databases, one module per library.

    httpx       by OpenTelemetry's instrumentation of it
    redis       by OpenTelemetry's instrumentation of it
    asyncpg     by a wrapper of ours
    sqlalchemy  by its own events
    database    one call of a database: its span and its duration
    sql         statements without the values in them

A library is instrumented when it is imported, before or after `instrument` runs, and never imported for it.
`OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` means what OpenTelemetry says: names separated by commas, `*` for all.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from wrapt import register_post_import_hook

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

NAMES = ("asyncpg", "httpx", "redis", "sqlalchemy")
"""The libraries, as they are imported, as extras of the package and as OpenTelemetry calls them."""

_DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_CONVENTIONS = "OTEL_SEMCONV_STABILITY_OPT_IN"
_EXTRA = "opentelemetry.instrumentation"

_logger = logging.getLogger(__name__)


def is_disabled(name: str, environ: Mapping[str, str]) -> bool:
    """Whether the environment switches an instrumentation off.

    Args:
        name: What OpenTelemetry calls it.
        environ: The environment.
    """
    disabled = {word.strip() for word in environ.get(_DISABLED, "").split(",")}
    return not disabled.isdisjoint({name, "*"})


def watch() -> None:
    """Instrument each library as soon as it is imported; once per process.

    What cannot be instrumented is logged once, as a warning, and works as it did without.
    """
    # OpenTelemetry's instrumentations still speak the old conventions unless told before they are imported.
    os.environ.setdefault(_CONVENTIONS, "http,database")
    for name in NAMES:
        if not is_disabled(name, os.environ):
            register_post_import_hook(partial(_instrument, name), name)


def _instrument(name: str, _module: ModuleType) -> None:
    try:
        import_module(f"{__name__}.{name}").instrument()
    except ModuleNotFoundError as error:
        # Without the extra there is nothing to instrument it with, and nobody asked for it.
        if not (error.name or "").startswith(_EXTRA):
            _warn(name, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the service's own import must succeed
        _warn(name, error)


def _warn(name: str, error: Exception) -> None:
    try:
        installed = version(name)
    except PackageNotFoundError:
        installed = "of unknown version"
    _logger.warning(
        "calls of %s %s are not traced: %s; pip install 'obsdeck[%s]' gets versions that fit, %s=%s leaves "
        "it at that",
        name,
        installed,
        str(error) or type(error).__name__,
        name,
        _DISABLED,
        name,
    )
