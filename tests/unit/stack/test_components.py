from __future__ import annotations

import pytest

from obsdeck.errors import UsageError
from obsdeck.stack import components
from obsdeck.stack.variables import VARIABLES


def test_every_port_a_component_opens_is_a_setting_of_that_component() -> None:
    for component in components.ALL:
        for name in component.listens:
            assert VARIABLES[name].component == component.name


def test_every_port_setting_belongs_to_a_component_that_opens_it() -> None:
    opened = {name for component in components.ALL for name in component.listens}
    assert opened == {
        name for name, variable in VARIABLES.items() if name.endswith("_PORT") and variable.component
    }


def test_no_name_is_every_component() -> None:
    assert components.named([]) == components.ALL


def test_names_come_back_once_and_in_order() -> None:
    assert [one.name for one in components.named(["loki", "collector", "loki"])] == ["collector", "loki"]


def test_an_unknown_component_is_refused_and_a_close_one_suggested() -> None:
    with pytest.raises(UsageError, match="'promtheus' is no component") as caught:
        components.named(["promtheus"])
    assert caught.value.hint == "did you mean prometheus?"
