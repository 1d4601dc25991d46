from __future__ import annotations

from pathlib import Path

import pytest

from obsdeck import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ObsdeckError, 1),
        (errors.FailedError, 1),
        (errors.UsageError, 2),
        (errors.MissingError, 3),
        (errors.PortInUseError, 3),
        (errors.UnreachableError, 3),
    ],
)
def test_each_class_owns_its_exit_code(kind: type[errors.ObsdeckError], code: int) -> None:
    assert kind("x").exit_code == code


def test_a_configuration_error_knows_its_place() -> None:
    assert errors.ConfigError("x", path=Path("a.yaml"), line=3).where == "a.yaml:3"
    assert errors.ConfigError("x", path=Path("a.yaml")).where == "a.yaml"


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, Exception):
            assert name in (errors.__doc__ or "")
