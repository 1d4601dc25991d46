"""What Python imports when it starts: instruments each FastAPI app as it is about to serve.

Not where an app is made: by the time that it serves, an `instrument(app, ...)` of its own has run and wins,
and a server that forks has forked. Nothing is loaded in a process that never imports FastAPI, and nothing
here ends one: this also runs in Pythons that have no obsdeck.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

HERE = Path(__file__).resolve().parent
TARGET = "fastapi.applications"


class Hook:
    """A finder that finds FastAPI as everybody else does, and patches it once it is loaded."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of FastAPI's module with the class, its loader extended; None for all others."""
        if name != TARGET:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_patch(module: ModuleType) -> None:
            load(module)
            patch(module)

        spec.loader.exec_module = load_and_patch  # type: ignore[method-assign]
        return spec


def patch(module: ModuleType) -> None:
    """Instrument each app when its middleware is put together, which the first thing it serves does."""
    build = module.FastAPI.build_middleware_stack

    def build_middleware_stack(app: object) -> object:
        app.middleware_stack = build(app)  # type: ignore[attr-defined]
        try:
            observe(app)
            return app.middleware_stack  # type: ignore[attr-defined]
        finally:
            # Starlette keeps what it is given; what strict mode refuses must not serve after all.
            app.middleware_stack = None  # type: ignore[attr-defined]

    module.FastAPI.build_middleware_stack = build_middleware_stack


def observe(app: object) -> None:
    """Instrument the app, unless it is mounted into one that is observed; a failure is one line on stderr."""
    try:
        from opentelemetry.context import get_current  # noqa: PLC0415 - a Python may have FastAPI alone

        from obsdeck import instrument  # noqa: PLC0415
    except ImportError as error:
        sys.stderr.write(f"obsdeck run: no telemetry, the Python of this service has no obsdeck: {error}\n")
        return
    # Within the request of an app that is observed there is a span.
    if not get_current():
        instrument(app)  # type: ignore[type-var]


def hand_on() -> None:
    """Run the sitecustomize that Python would have found without this folder."""
    others = [entry for entry in sys.path if Path(entry).resolve() != HERE]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, Hook)
    hand_on()
