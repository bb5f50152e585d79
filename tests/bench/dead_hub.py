"""How long a first question waits for a hub that is dead, before it can be answered without it.

    python -m tests.bench.dead_hub [--rounds 5]

Each is a fresh process that knows the hub by HF_ENDPOINT alone, and asks whether it answers; the time counts from
the question on, importing the hub's library included. "silent" takes a connection and says nothing; "dropped" does
not take it either, as an address whose packets are thrown away; "closed" refuses it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.hub_stand_in import HubStandIn, SilentHub

ROOT = Path(__file__).parents[2]
QUESTION = """
import json, time
import mmcore
from mmcore.weights import hub
asked = time.perf_counter()
found = hub.answers()
print(json.dumps([found.why, time.perf_counter() - asked, found.seconds]))
"""


@contextmanager
def dropped() -> Iterator[str]:
    """An address whose queue of connections is full: the system answers no more of them."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}"


@contextmanager
def closed() -> Iterator[str]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    with SilentHub() as hub:
        yield hub.address


@contextmanager
def alive() -> Iterator[str]:
    with HubStandIn() as hub:
        yield hub.address


def ask(address: str) -> tuple[str, float, float]:
    """(why, seconds from the question to the answer, seconds of them that the hub was waited for)."""
    kept = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    env = kept | {"HF_ENDPOINT": address, "NO_PROXY": "127.0.0.1"}
    said = subprocess.run([sys.executable, "-c", QUESTION], cwd=ROOT, env=env, capture_output=True, check=True)
    return tuple(json.loads(said.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for place in (alive, silent, dropped, closed):
        with place() as address:
            asked = [ask(address) for _ in range(rounds)]
        whole, waited = (statistics.median(each[index] for each in asked) for index in (1, 2))
        slowest = max(each[1] for each in asked)
        print(f"{place.__name__:8} {asked[0][0]:16} {whole:5.2f} s (slowest {slowest:.2f}), waited {waited:5.2f} s")


if __name__ == "__main__":
    main()
