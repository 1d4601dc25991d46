"""Real stacks for the tests: the shared one, started once on free ports, and what the others are made of."""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from obsdeck.diagnose import canary
from obsdeck.errors import MissingError, PortInUseError
from obsdeck.stack import files, lifecycle
from obsdeck.stack.components import BY_NAME
from obsdeck.stack.environment import Settings, load_settings
from obsdeck.stack.home import Home, find_home
from obsdeck.stack.variables import PORTS, PROGRAMS
from tests.stack import databases, observed as worlds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.stack.databases import Server
    from tests.stack.observed import Observed

OFTEN = {
    "prometheus/prometheus.yml": {
        "scrape_interval: 15s": "scrape_interval: 1s",
        "evaluation_interval: 15s": "evaluation_interval: 1s",
    },
    "collector/config.yaml": {"metrics_flush_interval: 15s": "metrics_flush_interval: 1s"},
}
"""What happens four times a minute happens each second in the tests, and is otherwise as it is shipped."""
