"""Where the servers come from: a named program, PATH, the cache, release archives, Go modules.

`resolve` looks and touches nothing; `ensure` also gets what is missing. `docs/guides/install.md`
tells users which provider is tried when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.stack.install.catalog import load_versions
from obsdeck.stack.install.resolution import Resolved, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obsdeck.stack.environment import Settings
    from obsdeck.stack.events import Notify
    from obsdeck.stack.home import Home

__all__ = ["Resolved", "ensure", "load_versions", "resolve"]


def ensure(
    names: Iterable[str], settings: Settings, home: Home, notify: Notify, *, offline: bool = False
) -> tuple[Resolved, ...]:
    """Have every component that the stack needs; what is optional may be absent, with a note.

    Args:
        names: Component names.
        settings: Named programs, mirror.
        home: Whose cache is filled.
        notify: Told `install.events` and `Note` events.
        offline: Reach out to nobody.

    Returns:
        One per name, in that order.

    Raises:
        MissingError: A component that is not optional cannot be had, or the cache cannot be written.
        UsageError: A named program or the mirror is unusable.
    """
    # Imported late: a warm start needs no HTTP client.
    from obsdeck.stack.install.obtain import obtain, require  # noqa: PLC0415

    resolved = obtain(names, settings, home, notify, offline=offline)
    require(resolved, offline=offline)
    return resolved
