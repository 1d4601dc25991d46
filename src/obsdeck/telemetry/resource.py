"""Who is speaking: the resource that every span, metric and log record carries.

The SDK reads `OTEL_RESOURCE_ATTRIBUTES` and gives each process its own `service.instance.id`, a new one
after a fork too, so the workers of one service stay apart. This module adds what the SDK leaves open: a
name for a service that was given none, and the current key for the environment.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

from opentelemetry.sdk.resources import Resource

# The key before semantic conventions 1.27; much configuration still says it.
_OLD_ENVIRONMENT = "deployment.environment"
_ENVIRONMENT = "deployment.environment.name"


def build(service_name: str, title: str) -> tuple[Resource, bool]:
    """The resource of this process.

    Args:
        service_name: What argument or `OTEL_SERVICE_NAME` say; empty for neither.
        title: The app's title, to derive a name from where there is none.

    Returns:
        The resource, and whether its `service.name` had to be derived.
    """
    named = {"service.name": service_name} if service_name else {}
    resource = Resource.create(
        {"telemetry.distro.name": "obsdeck", "telemetry.distro.version": version("obsdeck"), **named}
    )
    attributes = resource.attributes
    if _OLD_ENVIRONMENT in attributes and _ENVIRONMENT not in attributes:
        resource = resource.merge(Resource({_ENVIRONMENT: attributes[_OLD_ENVIRONMENT]}))
    # The SDK's stand-in, which no dashboard can tell from the next service's.
    if not str(attributes["service.name"]).startswith("unknown_service"):
        return resource, False
    name = _slug("" if title == "FastAPI" else title) or _slug(Path.cwd().name)
    return (resource.merge(Resource({"service.name": name})) if name else resource), True


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
