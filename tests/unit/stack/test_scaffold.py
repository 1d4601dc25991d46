from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import UsageError
from obsdeck.stack import files, scaffold
from obsdeck.stack.environment import load_settings
from obsdeck.stack.variables import SECRETS, VARIABLES

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_is_written_once_and_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("mine")
    first = scaffold.write(tmp_path)
    assert first.kept == (".env.example",)
    assert "ops/observability/compose.yaml" in first.created
    assert "ops/observability/collector/config.yaml" in first.created
    assert (tmp_path / ".env.example").read_text() == "mine"
    second = scaffold.write(tmp_path)
    assert second.created == ()
    assert set(second.kept) == {*first.created, *first.kept}


def test_the_written_folder_can_be_used_as_configuration(tmp_path: Path) -> None:
    scaffold.write(tmp_path)
    assert files.observability(str(tmp_path / "ops" / "observability")).is_dir()


def test_the_written_scripts_are_executable_shell(tmp_path: Path) -> None:
    scaffold.write(tmp_path)
    for name in ("up.sh", "down.sh"):
        script = tmp_path / "scripts" / "obs" / name
        assert script.stat().st_mode & 0o111
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_example_file_lists_every_setting_with_its_default(tmp_path: Path) -> None:
    text = scaffold.env_example()
    for name, variable in VARIABLES.items():
        assert f"\n#{name}={variable.default}\n" in text
    uncommented = "\n".join(
        line.removeprefix("#") for line in text.splitlines() if line.startswith("#OBSDECK")
    )
    (tmp_path / ".env").write_text(uncommented)
    settings = load_settings({}, tmp_path / ".env")
    assert settings.values == load_settings({}).values
    assert all(not variable.default for variable in VARIABLES.values() if variable.kind in SECRETS)


def test_a_target_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no directory"):
        scaffold.write(tmp_path / "missing")


def test_a_link_that_leads_nowhere_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".env.example").symlink_to(tmp_path / "elsewhere")
    scaffold.write(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
