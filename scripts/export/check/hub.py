"""Checks darkroom_export/download.py against a small server that speaks what huggingface_hub asks of the Hub.

    PYTHONPATH=scripts/export python scripts/export/check/hub.py        (in an environment with requirements.txt)

Covers: content that comes from another host, which must not get the token; a connection cut in the middle and gone on with in a second run, a sum that is wrong, a repository that is missing or
asks for its licence. Nothing leaves this machine.
"""

import hashlib
import json
import os
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c0ffee" * 6 + "c0ff"
WEIGHTS = bytes(range(256)) * 40_000
CONFIG = b'{"hidden": 1}\n'
FILES = {"model.safetensors": WEIGHTS, "sub/config.json": CONFIG, "unwanted.bin": b"no"}


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cut_after: int | None = None
    """Bytes of the weights after which connections break."""
    lie = False
    """Whether the weights that arrive are others than the ones promised."""
    ranges: list[str] = []
    asked: list[str] = []
    strangers_heard: list[str] = []
    """Tokens that came to the other host."""

    def log_message(self, *_: object) -> None:
        pass

    def _json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def _info(self, repository: str) -> None:
        if repository == "some/gated":
            return self._json({"error": "gated"}, 403, {"X-Error-Code": "GatedRepo"})
        if repository != "some/model":
            return self._json({"error": "not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        siblings = [
            {"rfilename": name, "size": len(content), "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}
            | ({"lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}} if name.endswith("tensors") else {})
            for name, content in FILES.items()
        ]
        self._json({"id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False, "downloads": 0, "likes": 0})

    def _file(self, name: str, is_head: bool) -> None:
        Hub.asked.append(name)
        if not is_head and not self.headers["Host"].startswith("localhost"):
            assert self.headers["Authorization"] == "Bearer secret-token"
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.headers["Authorization"]:
            Hub.strangers_heard.append(self.headers["Authorization"])
        promised = FILES[name]
        content = bytes(len(promised)) if Hub.lie and name.endswith("tensors") else promised
        start = 0
        if (header := self.headers.get("Range")) and (match := re.fullmatch(r"bytes=(\d+)-(\d*)", header)):
            start = int(match[1])
            Hub.ranges.append(header)
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(promised).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if is_head:
            return
        rest = content[start:]
        if Hub.cut_after is not None and name.endswith("tensors"):
            self.wfile.write(rest[: Hub.cut_after])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(rest)

    def _answer(self, is_head: bool) -> None:
        path = self.path.split("?")[0]
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/[^/]+)?", path):
            return self._info(match[1])
        if match := re.fullmatch(r"/some/model/resolve/[^/]+/(.+)", path):
            return self._file(match[1], is_head)
        self._json({"error": "not found"}, 404)

    def do_GET(self) -> None:
        self._answer(False)

    def do_HEAD(self) -> None:
        self._answer(True)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ.update(HF_ENDPOINT=f"http://127.0.0.1:{server.server_port}", HF_HUB_DISABLE_TELEMETRY="1", HF_TOKEN="secret-token")
    from darkroom_export import download
    from darkroom_export.manifest import ExportError

    def refused(action, *words: str) -> None:
        try:
            action()
        except ExportError as error:
            missing = [word for word in words if word not in str(error)]
            assert not missing, f"{error} does not say {missing}"
            print(f"ok    refused: {error}", file=sys.stderr)
        else:
            raise AssertionError("nothing was refused")

    refused(lambda: download.find("some/gated", "main", ["*"]), "accept it on its page")
    refused(lambda: download.find("no/such", "main", ["*"]), "there is no no/such")
    refused(lambda: download.find("some/model", "main", ["*.gguf"]), "has no file that matches")
    snapshot = download.find("some/model", "main", ["*.safetensors", "*/config.json"])
    assert [file.path for file in snapshot.files] == ["model.safetensors", "sub/config.json"] and snapshot.commit == COMMIT
    with tempfile.TemporaryDirectory() as folder:
        Hub.cut_after = 1_000_000
        refused(lambda: download.fetch(snapshot, Path(folder)), "goes on where it stopped")
        assert not (Path(folder) / "model.safetensors").exists(), "half a file looks whole"
        kept = (Path(folder) / "model.safetensors.partial").stat().st_size
        assert kept == Hub.cut_after, kept
        Hub.cut_after, Hub.ranges = None, []
        download.fetch(snapshot, Path(folder))
        assert Hub.ranges == [f"bytes={kept}-"], Hub.ranges
        assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
        print(f"ok    went on after {kept} of {len(WEIGHTS)} bytes", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        Hub.lie = True
        refused(lambda: download.fetch(snapshot, Path(folder)), "arrived wrong", "its sha256 is")
        assert not (Path(folder) / "model.safetensors").exists()
        Hub.lie = False
        download.fetch(snapshot, Path(folder))
        assert (Path(folder) / "model.safetensors").read_bytes() == WEIGHTS
        print("ok    fetched again after a wrong sum", file=sys.stderr)
    assert "unwanted.bin" not in Hub.asked
    assert not Hub.strangers_heard, "the token went to another host"
    print("ok    followed to another host without the token", file=sys.stderr)


main()
