"""A model hub on loopback: a real HTTP server that speaks what huggingface_hub asks, and its troubles on demand.

with HubStandIn() as hub:
    hub.publish("owner/name", {"config.json": b"{}", "model.safetensors": b"…"})
    hub.address                    # for HF_ENDPOINT
    hub.trouble.cut_after = 1000   # the next body is reset after that many bytes
    hub.requests                   # all that was asked: method, path, range, bytes sent
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".gguf", ".bin", ".pt", ".pth", ".onnx")  # kept in LFS: named by SHA-256, sent by the CDN
BLOCK = 16 * 1024


@dataclass
class Repository:
    """Commits of files; ``refs`` say which commit a branch or tag is at."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    card: dict = field(default_factory=dict)  # licence, pipeline_tag, library_name

    def commit(self, files: dict[str, bytes], ref: str = "main") -> str:
        """Move ``ref`` to a new commit of ``files``."""
        digest = hashlib.sha1(str(len(self.commits)).encode())
        for name in sorted(files):
            digest.update(name.encode() + files[name])
        self.refs[ref] = digest.hexdigest()
        self.commits[self.refs[ref]] = dict(files)
        return self.refs[ref]

    def at(self, revision: str) -> str | None:
        """The commit of a branch, a tag or a commit."""
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None


@dataclass
class Trouble:
    """What goes wrong. ``cuts`` counts down the bodies that are reset after ``cut_after`` bytes."""

    status: int = 0  # of every answer
    failures: int = 0  # answers that are 500, before the hub recovers
    file_status: int = 0  # of files only
    retry_after: str = ""
    cut_after: int | None = None
    cuts: int = 1
    pause_s: float = 0.0  # between blocks of a body
    stuck_after: int | None = None  # bytes of a body, then silence until the hub is closed
    corrupt: tuple[str, ...] = ()
    other_sizes: dict[str, int] = field(default_factory=dict)  # of bodies, not of the listing
    ignores_ranges: bool = False
    names_only: bool = False  # the listing has neither sizes nor checksums, as some mirrors
    page: bool = False  # answers with a page, as a hotel's network
    gone: tuple[str, ...] = ()  # listed and not there


@dataclass
class Request:
    method: str
    path: str
    first_byte: int = 0
    token: str = ""
    agent: str = ""
    status: int = 0
    sent_bytes: int = 0


class HubStandIn(ThreadingHTTPServer):
    """The hub. With ``cdn=True`` large files are sent by a second server of another origin, as the real one does."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, cdn: bool = False, cdn_of: HubStandIn | None = None, port: int = 0):
        super().__init__(("127.0.0.1", port), _Answer)
        self.repositories: dict[str, Repository] = cdn_of.repositories if cdn_of else {}
        self.trouble: Trouble = cdn_of.trouble if cdn_of else Trouble()
        self.requests: list[Request] = []
        self.tokens: set[str] = set()  # that may read gated repositories
        self.strangers: set[str] = set()  # tokens that are valid and may not
        self.invalid: set[str] = set()  # tokens that are none
        self.is_cdn, self.closing = cdn_of is not None, threading.Event()
        self.cdn = HubStandIn(cdn_of=self) if cdn else None
        self.sending = threading.Event()  # set once a block of a file was sent
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __exit__(self, *_):
        if self.cdn:
            self.cdn.__exit__()
        self.die()

    def die(self) -> None:
        """End every answer where it is; its address answers no more."""
        self.closing.set()
        self.shutdown()
        self.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def publish(self, repo: str, files: dict[str, bytes] | Path, gated: bool = False, **card) -> Repository:
        """Serve ``files``, or a folder's, as the main branch of ``repo``."""
        if isinstance(files, Path):
            files = {str(path.relative_to(files)): path.read_bytes() for path in files.rglob("*") if path.is_file()}
        made = self.repositories[repo] = Repository(gated=gated, card=card)
        made.commit(files)
        return made

    def sent(self, name: str = "") -> int:
        """Bytes of bodies sent of files whose path ends so."""
        own = sum(r.sent_bytes for r in self.requests if "/resolve/" in r.path and r.path.endswith(name))
        return own + (self.cdn.sent(name) if self.cdn else 0)

    def asked(self, name: str = "") -> list[Request]:
        """The requests for a file's bytes."""
        return [r for r in self.requests if r.method == "GET" and "/resolve/" in r.path and r.path.endswith(name)]

    def handle_error(self, *_):
        pass  # a client that went away


class SilentHub:
    """An address that takes connections and never answers, like a dropped packet's."""

    def __enter__(self) -> SilentHub:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(64)
        return self

    def __exit__(self, *_):
        self._socket.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"


def is_large(name: str) -> bool:
    return name.endswith(LARGE)


def oid(name: str, content: bytes) -> str:
    """A file's ETag on the hub: SHA-256 in LFS, git blob id otherwise."""
    if is_large(name):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubStandIn

    def do_GET(self):
        trouble = self.server.trouble
        path = unquote(urlsplit(self.path).path)
        self.request_seen = Request(
            self.command,
            path,
            int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1]),
            self.headers.get("Authorization", "").removeprefix("Bearer "),
            self.headers.get("User-Agent", ""),
        )
        self.server.requests.append(self.request_seen)
        if trouble.page:
            return self.answer(200, b"<html>Welcome to the hotel</html>", {"Content-Type": "text/html"})
        if trouble.status:
            return self.fail(trouble.status, "")
        if trouble.failures:
            trouble.failures -= 1
            return self.fail(500, "")
        if self.request_seen.token in self.server.invalid:
            told = {"X-Error-Message": "Invalid credentials in Authorization header"}
            return self.answer(401, b"{}", told)
        if path == "/api/models":
            return self.answer(200, b"[]")
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/(.+)", path)
        asked = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/(.+))?", path)
        if file:
            return self.file(*file.groups())
        if asked:
            return self.about(*asked.groups())
        return self.fail(404, "")

    do_HEAD = do_GET

    # -- what there is

    def about(self, repo: str, what: str | None, revision: str | None):
        found = self.server.repositories.get(repo)
        if found is None:
            return self.no_repository()
        sha = found.at(revision or "main")
        if sha is None:
            return self.fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        files = found.commits[sha]
        if what == "tree":
            return self.answer(200, json.dumps([_tree(name, files[name]) for name in files]).encode())
        card = {key: value for key, value in found.card.items() if key in ("license", "license_name")}
        told = {
            "id": repo,
            "sha": sha,
            "gated": "manual" if found.gated else False,
            "private": False,
            "tags": [f"license:{card['license']}"] if card else [],
            "cardData": card,
            "siblings": [self.sibling(name, files[name]) for name in files],
        }
        told |= {key: found.card[key] for key in ("pipeline_tag", "library_name") if key in found.card}
        return self.answer(200, json.dumps(told).encode())

    def sibling(self, name: str, content: bytes) -> dict:
        if self.server.trouble.names_only or "blobs=" not in self.path:
            return {"rfilename": name}
        told = {"rfilename": name, "size": len(content), "blobId": oid("", content)}
        if is_large(name):
            told["lfs"] = {"sha256": oid(name, content), "size": len(content), "pointerSize": 134}
        return told

    # -- a file

    def file(self, repo: str, rest: str):
        trouble, found = self.server.trouble, self.server.repositories.get(repo)
        if found is None:
            return self.no_repository()
        if found.gated and not self.server.is_cdn and self.request_seen.token not in self.server.tokens:
            return self.fail(403 if self.request_seen.token in self.server.strangers else 401, "GatedRepo")
        revision = next((r for r in (*found.refs, *found.commits) if rest.startswith(r + "/")), None)
        if revision is None:
            return self.fail(404, "RevisionNotFound")
        sha, name = found.at(revision), rest[len(revision) + 1 :]
        content = found.commits[sha].get(name)
        if content is None or name in trouble.gone:
            return self.fail(404, "EntryNotFound")
        if trouble.file_status and self.command == "GET":
            return self.fail(trouble.file_status, "")
        told = {"X-Repo-Commit": sha, "ETag": f'"{oid(name, content)}"', "Accept-Ranges": "bytes"}
        if is_large(name):
            told |= {"X-Linked-Etag": told["ETag"], "X-Linked-Size": str(len(content))}
            if self.server.cdn:
                return self.answer(302, b"", told | {"Location": self.server.cdn.address + self.path})
        if name in trouble.corrupt:
            content = bytes(255 - byte for byte in content)
        if name in trouble.other_sizes:
            content = (content * 8)[: trouble.other_sizes[name]]
        return self.body(content, told)

    def body(self, content: bytes, told: dict[str, str]):
        """All of it or its rest, block by block, with what goes wrong on the way."""
        first = 0 if self.server.trouble.ignores_ranges else self.request_seen.first_byte
        if first and first >= len(content):
            return self.fail(416, "")
        if first:
            told["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self.head(206 if first else 200, told | {"Content-Length": str(len(content) - first)})
        if self.command == "HEAD":
            return
        for start in range(first, len(content), BLOCK):
            block = content[start : start + BLOCK]
            if self.is_over(start - first, len(block)):
                return
            self.wfile.write(block)
            self.request_seen.sent_bytes += len(block)
            self.server.sending.set()
            if self.server.closing.wait(self.server.trouble.pause_s):
                self.close_connection = True
                return

    def is_over(self, sent: int, coming: int) -> bool:
        """Whether the body ends here: reset by the hub, or stuck until it is closed."""
        trouble = self.server.trouble
        if trouble.stuck_after is not None and sent + coming > trouble.stuck_after:
            self.wfile.flush()
            self.server.closing.wait()
            self.close_connection = True
            return True
        if trouble.cut_after is not None and trouble.cuts and sent + coming > trouble.cut_after:
            trouble.cuts -= 1
            self.wfile.flush()
            time.sleep(0.05)  # a reset throws away what the client has not read yet
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return True
        return False

    # -- answering

    def no_repository(self):
        """The real hub does not tell strangers whether a repository exists."""
        if self.request_seen.token:
            return self.fail(404, "RepoNotFound", "Repository not found")
        return self.fail(401, "RepoNotFound", "Repository not found")

    def fail(self, status: int, code: str, message: str = ""):
        told = {"X-Error-Code": code} if code else {}
        if self.server.trouble.retry_after:
            told["Retry-After"] = self.server.trouble.retry_after
        message = message or f"no: {self.request_seen.token}"  # a rude hub, that repeats the token
        self.answer(status, json.dumps({"error": message}).encode(), told)

    def answer(self, status: int, body: bytes, told: dict[str, str] | None = None):
        self.head(status, {"Content-Type": "application/json", "Content-Length": str(len(body))} | (told or {}))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, told: dict[str, str]):
        self.request_seen.status = status
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


def _tree(name: str, content: bytes) -> dict:
    told = {"type": "file", "path": name, "size": len(content), "oid": oid("", content)}
    if is_large(name):
        told["lfs"] = {"oid": oid(name, content), "size": len(content), "pointerSize": 134}
    return told
