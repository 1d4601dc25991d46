"""The Python of the documents runs, and what its comments say of the page of metrics is so.

The blocks of one document are one program, in their order. A block that begins with the name of a file is a
file of a longer example, which a test of its own runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .conftest import ROOT, program

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = re.compile(r"```python\n(?!# \w+\.py\n)(.*?)```", re.DOTALL)
SAID = re.compile(r"  # (\w+(?:\{.*\})? [\d.]+)$", re.MULTILINE)
SILENT = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
PAGE = """
from tests.unit.telemetry.conftest import call
print(call(app, "/metrics").body.decode())
"""


def blocks(path: Path) -> list[str]:
    return BLOCK.findall(path.read_text(encoding="utf-8"))


DOCUMENTS = [path for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")) if blocks(path)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_python_of_a_document_runs(path: Path) -> None:
    code = "\n".join(blocks(path))
    said = SAID.findall(code)
    printed = program(code + (PAGE if said else ""), PYTHONWARNINGS="error", **SILENT)
    assert set(said) <= set(printed), "\n".join(printed)
    assert said or printed == []


def test_there_is_something_that_runs() -> None:
    assert ROOT / "docs/guides/instrument.md" in DOCUMENTS
    assert len(SAID.findall("\n".join(blocks(ROOT / "docs/guides/instrument.md")))) > 1
