"""An OpenAI-compatible server in a thread, that answers as each test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Headers = Mapping[str, str]
JSON = {"Content-Type": "application/json"}
EVENTS = {"Content-Type": "text/event-stream"}
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, a body in the parts in which it is sent, and headers; `cut` promises more than it sends."""

    status: int
    parts: tuple[bytes, ...] = ()
    headers: Headers = field(default_factory=lambda: JSON)
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its path, its headers and its body, decoded."""

    path: str
    headers: Headers
    body: Any


Answering = Callable[[Asked], Reply]


def as_json(value: object, status: int = 200) -> Reply:
    return Reply(status, (json.dumps(value).encode(),))


def event(**delta: str | None) -> bytes:
    """One event of a streamed chat, as vLLM and llama.cpp write it: characters beyond ASCII as they are."""
    return (
        f"data: {json.dumps({'choices': [{'delta': delta, 'finish_reason': None}]}, ensure_ascii=False)}\n\n".encode()
    )


END = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'


def chat(*pieces: str) -> Reply:
    """A whole streamed reply."""
    return Reply(
        200, (event(role="assistant", content=None), *(event(content=piece) for piece in pieces), END, DONE), EVENTS
    )


MODELS = as_json({"object": "list", "data": [{"id": "tiny"}, {"id": "qwen3:latest"}]})


class FakeServer:
    """`replies` maps a path to what is said there: one reply, or several, one after another, the last for ever."""

    def __init__(self, url: str, asked: list[Asked], replies: dict[str, Reply | list[Reply]]) -> None:
        self.root, self.url = url, f"{url}/v1"
        self.asked = asked
        self.replies = replies

    def asked_for(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path == path]


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    """A server with two models, that counts no tokens and writes "96 m." until a test says otherwise."""
    asked: list[Asked] = []
    replies: dict[str, Reply | list[Reply]] = {"/v1/models": MODELS, "/v1/chat/completions": chat("96", " m.")}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, body: Any) -> None:
            asked.append(Asked(self.path, dict(self.headers), body))
            there = replies.get(self.path, Reply(404, (b"Not Found",), {"Content-Type": "text/plain"}))
            reply = there if isinstance(there, Reply) else there[0] if len(there) == 1 else there.pop(0)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(sum(map(len, reply.parts)) + 10 * reply.cut))
            self.end_headers()
            for part in reply.parts:
                self.wfile.write(part)
                self.wfile.flush()
            self.close_connection = reply.cut

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield FakeServer(f"http://127.0.0.1:{server.server_port}", asked, replies)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
