"""What the installer tells while it works, besides the stack's own `Note`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """How far a component's current step is.

    Attributes:
        component: Its name; `go` for the toolchain that others are built with.
        doing: downloading, compiling, linking, unpacking.
        done: Units done.
        total: Units in all; 0 where nobody knows.
        unit: MB, modules or packages; empty where nothing is counted.
    """

    component: str
    doing: str
    done: int = 0
    total: int = 0
    unit: str = ""


@dataclass(frozen=True)
class Got:
    """A component is in the cache now, or the toolchain is there.

    Attributes:
        component: Its name; `go` for the toolchain.
        provider: archive or module; index for the toolchain, which comes from the Python package index.
        version: Its version.
        seconds: What its own steps took; steps of several components overlap.
    """

    component: str
    provider: str
    version: str
    seconds: float
