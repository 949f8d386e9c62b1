"""One HTTP server: JSON and streams of events from it, and every way in which it fails as one line.

    endpoint = Endpoint("http://localhost:11434/v1")
    endpoint.json("GET", "/models")               what the server says, decoded
    endpoint.events("/chat/completions", {...})   the object of each server-sent event, as it comes

The key is sent to this address alone: redirects are not followed. What may pass (no connection, 429, 5xx) is tried
again after pauses, until the first event is there; never after that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from rag.errors import ModelError

PAUSES = (0.25, 0.5, 1.0)
"""Seconds before each further try, where the server names none."""
LONGEST_PAUSE = 30.0
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_LONGEST_EVENT = 1 << 20  # bytes
_LIMITS = httpx.Limits(max_keepalive_connections=0)  # no connection is left open where nobody would close it
_JSON = {"Content-Type": "application/json"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Passing(ModelError):
    """A failure that may be over in a moment; `pause_s` is how long the server asks to be left alone, 0 for not."""

    def __init__(self, message: str, pause_s: float = 0.0) -> None:
        super().__init__(message)
        self.pause_s = min(pause_s, LONGEST_PAUSE)


class Endpoint:
    """A server at `url`, or behind a `socket_file`; `key`, where there is one, is the bearer token.

    `timeout_s` is the longest silence in seconds: a server may have to load a model, or to read a long prompt, before
    it says anything.
    """

    def __init__(self, url: str, key: str = "", *, socket_file: str = "", timeout_s: float = 300.0) -> None:
        if not (key.isascii() and key.isprintable()):  # checked here: an error of httpx would show it
            raise ModelError("the key in RAG_API_KEY has characters that no key has. Copy it again")
        self.url = url.rstrip("/")
        self.root = self.url.removesuffix("/v1")  # of what servers offer beside OpenAI's interface
        self.has_key = bool(key)
        self._timeout_s = timeout_s
        try:
            self._client = httpx.Client(
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=httpx.Timeout(timeout_s, connect=min(10.0, timeout_s)),
                limits=_LIMITS,
                follow_redirects=False,
                trust_env=urlsplit(url).hostname not in _LOOPBACK,  # no proxy stands before this machine itself
                transport=httpx.HTTPTransport(uds=socket_file, limits=_LIMITS) if socket_file else None,
            )
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as problem:  # no such proxy, no such certificates
            raise ModelError(
                f"{url} cannot be asked with what the environment says of proxies and certificates ({problem}). Mend "
                "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY or SSL_CERT_FILE there, or take it out"
            ) from problem

    def json(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, root: bool = False, patient: bool = True
    ) -> Any:
        """The decoded reply; `root`: of a path beside /v1; not `patient`: with no second try.

        Raises ModelError for every failure.
        """
        for pause in (*(PAUSES if patient else ()), None):
            try:
                with self._reply(method, (self.root if root else self.url) + path, body) as reply:
                    return _decoded(reply)
            except Passing as problem:
                if pause is None:
                    raise
                time.sleep(problem.pause_s or pause)
        raise AssertionError("the last try returns or raises")

    def events(self, path: str, body: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
        """The object of each event up to `[DONE]` or the end of the stream. Raises ModelError for every failure."""
        for pause in (*PAUSES, None):
            begun = False
            try:
                with self._reply("POST", self.url + path, body) as reply:
                    for event in _events(reply):
                        begun = True
                        yield event
                if not begun:
                    raise _not_expected(reply, "a stream of events")
                return
            except Passing as problem:
                if begun or pause is None:
                    raise
                time.sleep(problem.pause_s or pause)

    @contextmanager
    def _reply(self, method: str, url: str, body: Mapping[str, Any] | None) -> Iterator[httpx.Response]:
        """The reply with its body not read yet. Raises ModelError unless it is one of success."""
        try:
            with self._client.stream(method, url, content=_encoded(body), headers=_JSON if body else {}) as reply:
                if reply.status_code != httpx.codes.OK:
                    reply.read()
                    raise self._refusal(reply)
                yield reply
        except (httpx.InvalidURL, UnicodeError) as problem:
            raise ModelError(f"{self.url} is no address of a server ({problem}). Mend `server`") from problem
        except httpx.ReadTimeout as problem:
            raise ModelError(
                f"{self.url} said nothing for {self._timeout_s:g} s. It may still be loading the model; try again, or "
                "choose a smaller model"
            ) from problem
        except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
            raise Passing(
                f"no server answers at {self.url} ({problem}). Start it, or mend `server`; without that setting the "
                "generator runs in this process"
            ) from problem
        except httpx.HTTPError as problem:
            raise Passing(f"the reply of {self.url} broke off ({problem}). Look at the server's log") from problem

    def _refusal(self, reply: httpx.Response) -> ModelError:
        """What a reply without success means."""
        status, said = reply.status_code, _said(reply)
        if status in _PASSING:
            pause = reply.headers.get("retry-after", "")
            return Passing(
                f"{self.url} cannot answer now: {status}, {said}. Try again later, or look at the server's log",
                float(pause) if pause.isdecimal() else 0.0,
            )
        if status in (401, 403):
            state = "the key in RAG_API_KEY" if self.has_key else "a request without a key; set RAG_API_KEY"
            return ModelError(f"{self.url} refuses {state} ({status}, {said})")
        if reply.is_redirect:
            return ModelError(
                f"{self.url} points to {reply.headers.get('location', 'nowhere')} ({status}), which is not followed: "
                "the key and the passages are for this address alone. Set `server` to where it really is"
            )
        if status in (404, 405) and "json" not in reply.headers.get("content-type", ""):
            return ModelError(
                f"{reply.url} is not there ({status}). The address of an OpenAI-compatible server ends in /v1, mostly"
            )
        return ModelError(f"{self.url} refuses the request ({status}): {said}{_hint(said)}")


def _encoded(body: Mapping[str, Any] | None) -> bytes | None:
    """As JSON; half a surrogate pair, which a file name or a broken text may hold, as a question mark."""
    return None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _hint(said: str) -> str:
    if "context" in said.lower():
        return ". Set server_context to what the server really has, or start it with more"
    return ""


def _events(reply: httpx.Response) -> Iterator[dict[str, Any]]:
    # By hand: httpx's own lines also end at U+2028, which may stand in an event as it is.
    rest = b""
    for part in reply.iter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data = line.removeprefix(b"data:").strip()
                if data == b"[DONE]":
                    return
                yield _event(data, reply)
        if len(rest) > _LONGEST_EVENT:
            raise _not_expected(reply, "a stream of events")


def _event(data: bytes, reply: httpx.Response) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise _not_expected(reply, "events of JSON") from problem
    if not isinstance(event, dict):
        raise _not_expected(reply, "events of JSON objects")
    if event.get("error"):
        said = _message(event)
        raise ModelError(f"{reply.url} gave up: {said}{_hint(said)}")
    return event


def _decoded(reply: httpx.Response) -> Any:
    reply.read()
    try:
        return reply.json()
    except (ValueError, RecursionError) as problem:
        raise _not_expected(reply, "JSON") from problem


def _not_expected(reply: httpx.Response, wanted: str) -> ModelError:
    kind = reply.headers.get("content-type", "something without a type")
    between = ": a proxy may stand between, or it is another kind of server" if "html" in kind else ""
    return ModelError(f"{reply.url} answers with {kind}, not with {wanted}{between}. Look at `server`")


def _said(reply: httpx.Response) -> str:
    """The reply's own words in one short line."""
    if "html" in reply.headers.get("content-type", ""):
        return "a page of HTML: a proxy may stand between"
    try:
        return _message(reply.json())
    except (ValueError, RecursionError):
        return _short(reply.text)


def _message(value: object) -> str:
    """The text of an error in any of the forms that servers give it."""
    while isinstance(value, dict):
        value = next((value[name] for name in ("error", "message", "detail") if value.get(name)), str(value))
    return _short(str(value))


def _short(text: str) -> str:
    line = " ".join(text.split()) or "no words"
    return line if len(line) <= 300 else line[:300] + " …"
