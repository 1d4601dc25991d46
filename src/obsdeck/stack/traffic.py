"""A little traffic for the quickstart, so that its dashboard has something to show.

`python -m obsdeck.stack.traffic http://127.0.0.1:8000`: two requests a second, one in ten slow, one in
twenty failing, until it is stopped. Standard library only: it stays small beside the servers.
"""

from __future__ import annotations

import itertools
import sys
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

PAUSE_SECONDS = 0.5


def path(number: int) -> str:
    """The path of the n-th request: mostly items, now and then a slow or a failing one."""
    if number % 20 == 19:  # noqa: PLR2004
        return "/fail"
    if number % 10 == 4:  # noqa: PLR2004
        return "/slow"
    return f"/items/{number % 50}"


def main() -> None:
    """Ask for ever; a service that is not there (yet) is asked again."""
    address = urlsplit(sys.argv[1])
    for number in itertools.count():
        connection = HTTPConnection(address.hostname or "", address.port, timeout=5)
        try:
            connection.request("GET", path(number))
            connection.getresponse().read()
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
