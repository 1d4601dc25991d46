"""`obsdeck up` and `down` in the docker runtime, through the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from obsdeck.stack import compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Machine

pytestmark = pytest.mark.docker


@pytest.fixture
def docker(machine: Machine) -> Iterator[Machine]:
    """An account on a machine with Docker and the images that cannot be done without."""
    if not compose.engine_version():
        pytest.skip("no Docker engine with compose answers")
    if "DOCKER_CONFIG" not in os.environ:  # compose is found below the real home
        machine.environ["DOCKER_CONFIG"] = str(Path("~/.docker").expanduser())
    if names():
        pytest.skip("a stack of this user runs in Docker already")
    yield machine
    machine.obsdeck("down", "--wipe", "--yes")
    assert names() == []


def names() -> list[str]:
    """The containers of the project."""
    label = f"label=com.docker.compose.project={compose.PROJECT}"
    command = ["docker", "ps", "--all", "--filter", label, "--format", "{{.Names}}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_up_twice_doctor_and_down(docker: Machine) -> None:
    first = docker.obsdeck("up", "--runtime", "docker", "--offline", "--json")
    if first.returncode == 3:
        pytest.skip(f"images are not there: {json.loads(first.stdout)['error']['message']}")
    document = json.loads(first.stdout)
    assert document["ok"], first.stdout
    assert {row["provider"] for row in document["components"] if row["state"] == "ready"} == {
        "image",
        "embedded",
    }
    before = names()
    assert docker.obsdeck("up", "--offline").returncode == 0
    assert names() == before
    doctor = docker.obsdeck("doctor", "--json")
    assert json.loads(doctor.stdout)["ok"], doctor.stdout
    assert docker.obsdeck("logs", "tempo").stdout.startswith("tempo ")
    assert docker.obsdeck("down").returncode == 0
    assert names() == []
    assert docker.running() == []


def test_a_database_is_watched_from_when_it_is_asked_for(docker: Machine) -> None:
    if docker.obsdeck("up", "--runtime", "docker", "--offline", "--no-demo").returncode == 3:
        pytest.skip("images are not there")
    before = identities()
    asked = ("up", "--offline", "--no-demo", "--with", "redis")
    done = docker.obsdeck(*asked, OBSDECK_REDIS_URL="redis://:s3cret@host.docker.internal:1")
    if done.returncode == 3:
        pytest.skip("the exporter's image is not there")
    assert done.returncode == 0, done.stderr
    assert docker.obsdeck("up", "--offline", "--no-demo").returncode == 0  # where nobody knows the address
    assert before < identities(), "what ran before is not made anew"
    query = f"http://127.0.0.1:{docker.port('PROMETHEUS')}/api/v1/query?query=redis_up"
    deadline = time.monotonic() + 60
    while not (found := json.load(urlopen(query))["data"]["result"]) and time.monotonic() < deadline:
        time.sleep(0.2)
    [series] = found
    assert (series["metric"]["job"], series["value"][1]) == ("redis-exporter", "0")
    assert "redis does not answer" in docker.obsdeck("status").stderr
    assert "s3cret" not in docker.obsdeck("logs", "redis-exporter").stdout
    assert docker.obsdeck("down").returncode == 0
    assert names() == []


def identities() -> set[str]:
    """The containers of the project; one that is made anew is another."""
    label = f"label=com.docker.compose.project={compose.PROJECT}"
    command = ["docker", "ps", "--quiet", "--no-trunc", "--filter", label]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def volumes() -> list[str]:
    """The volumes of the project."""
    label = f"label=com.docker.compose.project={compose.PROJECT}"
    command = ["docker", "volume", "ls", "--filter", label, "--quiet"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_data_outlives_down_and_can_be_wiped_afterwards(docker: Machine) -> None:
    if docker.obsdeck("up", "--runtime", "docker", "--offline", "--no-demo").returncode == 3:
        pytest.skip("images are not there")
    docker.obsdeck("down")
    assert volumes() != []
    assert docker.obsdeck("down", "--wipe", "--yes").returncode == 0
    assert volumes() == []


def test_a_completion_that_fails_leaves_the_rest_as_it_was(docker: Machine) -> None:
    if docker.obsdeck("up", "--runtime", "docker", "--offline", "--no-demo").returncode == 3:
        pytest.skip("images are not there")
    gone = f"{compose.PROJECT}-alertmanager-1"
    subprocess.run(["docker", "rm", "--force", gone], check=True, stdout=subprocess.DEVNULL)
    before = set(names())
    with socket.create_server(("127.0.0.1", int(docker.environ["OBSDECK_ALERTMANAGER_PORT"]))):
        assert docker.obsdeck("up", "--offline").returncode != 0
    assert set(names()) == before
    assert docker.obsdeck("up", "--offline").returncode == 0
    assert gone in names()


def test_down_names_what_had_to_be_killed(docker: Machine) -> None:
    if docker.obsdeck("up", "--runtime", "docker", "--offline", "--no-demo").returncode == 3:
        pytest.skip("images are not there")
    deaf = f"{compose.PROJECT}-loki-1"
    subprocess.run(["docker", "kill", "--signal", "STOP", deaf], check=True, stdout=subprocess.DEVNULL)
    done = docker.obsdeck("down")
    assert done.returncode == 0
    killed = re.search(r"(.*) did not end in \d+ s and had to be killed", done.stderr)
    assert killed is not None, done.stderr
    # Tempo now and then does not end by itself either.
    assert set(killed[1].split(", ")) - {"tempo"} == {"loki"}


def test_ctrl_c_in_the_middle_of_up_leaves_nothing_running(docker: Machine) -> None:
    with docker.begin("up", "--runtime", "docker", "--offline") as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and not names() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    if process.returncode == 3:
        pytest.skip("images are not there")
    assert process.returncode == 130, output
    assert names() == []


def test_auto_goes_on_without_docker_where_an_image_cannot_be_had(docker: Machine) -> None:
    own = docker.folder / "observability"
    own.mkdir()
    (own / "compose.yaml").write_text("services: {collector: {image: 'obsdeck.invalid/none:1'}}")
    done = docker.obsdeck("up", "--offline", "--no-demo", OBSDECK_CONFIG=str(own))
    assert "the image of OTel Collector cannot be had: going on without Docker" in done.stderr
    assert names() == []
