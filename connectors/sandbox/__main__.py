"""`python -m connectors.sandbox --port N`: every provider's stand-in on 127.0.0.1 until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from connectors.sandbox.registry import load
from connectors.sandbox.server import Sandbox


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m connectors.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one (default: %(default)s)")
    port = parser.parse_args().port
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    try:
        sandbox = Sandbox(port)
    except OSError as error:
        sys.stderr.write(f"sandbox: cannot listen on 127.0.0.1:{port}: {error.strerror}; choose another --port\n")
        return 1
    with sandbox:
        sys.stdout.write(f"sandbox ready at {sandbox.url} for {', '.join(sorted(load()))}\n")
        sys.stdout.flush()
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
