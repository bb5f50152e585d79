"""Fixtures for every test: no network by accident, a studio without weights, one with them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from mmcore import Settings, Studio

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test marked ``alone`` in a process of its own: what others left in memory does not count there."""
    if pyfuncitem.get_closest_marker("alone") is None or "MM_TEST_ALONE" in os.environ:
        return None
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", pyfuncitem.nodeid]
    place = pyfuncitem.config.rootpath
    done = subprocess.run(command, env=os.environ | {"MM_TEST_ALONE": "1"}, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    if "1 passed" not in done.stdout:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    return True


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """This process reaches loopback only. (Weights come through pip, a process of its own.)"""
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
            raise OSError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    def guarded_lookup(host, *args, **kwargs):
        if host and not str(host).startswith(LOOPBACK):
            raise OSError(f"a test tried to look up {host}")
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_lookup)


@pytest.fixture
def studio(tmp_path):
    """A studio on the fake backend."""
    made = Studio(Settings(profile="fake", cache_dir=tmp_path / "cache"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def real_studio():
    """A studio on the embedded models, for tests marked ``weights``; loads what they use, once."""
    made = Studio(Settings.from_env(profile="embedded"))
    yield made
    made.close()
