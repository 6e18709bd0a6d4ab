"""One easy handle of libcurl, used for one call after another: the call's options in, its Reply out.

What all calls share is set once a handle; between two POSTs only the options that differ are set.
"""

import os
import re
import ssl
from typing import Any

import pycurl

from cameron.activities.call import Call, Failure, InvalidCall, Reply
from cameron.activities.target import Target

RECEIVE_BUFFER_BYTES = 4096  # with the two buffers at libcurl's defaults a call in flight takes 52 KB instead of 22
SEND_BUFFER_BYTES = 16384
ADDRESS_S = 60  # how long a host's address is used before it is looked up again; `lookups` counts on it
KEEP_BODY_BYTES = 65536  # an idle handle that has sent more than this is emptied
LONGEST_MS = 2_000_000_000  # libcurl counts milliseconds in 32 bits
E_TOO_LARGE = 100  # pycurl has no name for it
METHOD = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # all but the tab
FAILURES = {
    pycurl.E_COULDNT_CONNECT: Failure.REFUSED,
    pycurl.E_COULDNT_RESOLVE_HOST: Failure.UNKNOWN_HOST,
    pycurl.E_COULDNT_RESOLVE_PROXY: Failure.UNKNOWN_HOST,
    pycurl.E_OPERATION_TIMEDOUT: Failure.TIMEOUT,
    pycurl.E_FILESIZE_EXCEEDED: Failure.TOO_LARGE,
    E_TOO_LARGE: Failure.TOO_LARGE,
    pycurl.E_URL_MALFORMAT: Failure.INVALID_URL,
    pycurl.E_SSL_CONNECT_ERROR: Failure.TLS,
    pycurl.E_SSL_ENGINE_NOTFOUND: Failure.TLS,
    pycurl.E_SSL_ENGINE_SETFAILED: Failure.TLS,
    pycurl.E_SSL_ENGINE_INITFAILED: Failure.TLS,
    pycurl.E_SSL_CERTPROBLEM: Failure.TLS,
    pycurl.E_SSL_CIPHER: Failure.TLS,
    pycurl.E_SSL_CACERT: Failure.TLS,
    pycurl.E_SSL_CACERT_BADFILE: Failure.TLS,
    pycurl.E_SSL_ISSUER_ERROR: Failure.TLS,
    pycurl.E_SSL_INVALIDCERTSTATUS: Failure.TLS,
}
NEVER_SENT = (Failure.REFUSED, Failure.UNKNOWN_HOST)
HEADERS_TOO_LARGE = "Too large response headers"  # libcurl reports its 300 KB cap as a receive error with this text


class Transfer:
    """An easy handle and what it is receiving; used by the loop's thread alone."""

    __slots__ = ("_chunks", "_connects", "_lines", "_proxy", "_settings", "_soiled", "_url", "curl")

    def __init__(self, proxy: str) -> None:
        self.curl: Any = pycurl.Curl()
        self._proxy = proxy
        self._chunks: list[bytes] = []
        self._lines: list[bytes] = []
        self._configure()

    def _configure(self) -> None:
        """Set what every call has in common, for a POST."""
        setopt = self.curl.setopt
        setopt(pycurl.NOSIGNAL, 1)
        setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)  # one call a connection: what the limit a host counts
        setopt(pycurl.FOLLOWLOCATION, 0)
        setopt(pycurl.PATH_AS_IS, 1)
        setopt(pycurl.PROXY, self._proxy)  # "" keeps libcurl from looking at http_proxy and its like
        setopt(pycurl.NOPROXY, "")
        setopt(pycurl.DNS_CACHE_TIMEOUT, ADDRESS_S)
        setopt(pycurl.USERAGENT, "cameron")
        setopt(pycurl.TCP_NODELAY, 1)
        setopt(pycurl.TCP_KEEPALIVE, 1)
        setopt(pycurl.BUFFERSIZE, RECEIVE_BUFFER_BYTES)
        setopt(pycurl.UPLOAD_BUFFERSIZE, SEND_BUFFER_BYTES)
        setopt(pycurl.WRITEFUNCTION, self._chunks.append)  # returns None, which says: all taken
        setopt(pycurl.HEADERFUNCTION, self._lines.append)
        setopt(pycurl.POST, 1)
        self._trust()
        self._settings: tuple[float | bool, ...] = ()
        self._connects = False
        self._url = ""
        self._soiled = False

    def _trust(self) -> None:
        """Trust what Python trusts: pycurl's wheels bring the certificate paths of the system they were built on."""
        paths = ssl.get_default_verify_paths()
        if paths.cafile:
            self.curl.setopt(pycurl.CAINFO, paths.cafile)
        elif paths.capath:  # not both: libcurl keeps the parsed certificates for the next connection only where they are one file
            self.curl.setopt(pycurl.CAPATH, paths.capath)

    def prepare(self, call: Call, target: Target, connects: bool = False) -> None:
        """Set what this call needs; raises InvalidCall where it cannot be sent. `connects`: it does not look for a connection to use."""
        setopt = self.curl.setopt
        if self._url != target.url:
            setopt(pycurl.URL, target.url)
            self._url = target.url
        settings = (call.connect_timeout_s, call.timeout_s, call.max_reply_bytes, call.fresh)
        if self._settings != settings:
            self._set(call)
            self._settings = settings
        if self._connects != (connects or call.fresh):
            self._connects = connects or call.fresh
            setopt(pycurl.FRESH_CONNECT, self._connects)
        setopt(pycurl.HTTPHEADER, _headers(call))
        if call.method == "POST":
            setopt(pycurl.POSTFIELDS, call.body)
            self._soiled = len(call.body) > KEEP_BODY_BYTES
        else:
            self._soiled = True
            self._set_method(call)

    def _set(self, call: Call) -> None:
        setopt = self.curl.setopt
        setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(call.connect_timeout_s))
        setopt(pycurl.TIMEOUT_MS, _milliseconds(call.timeout_s))
        setopt(pycurl.MAXFILESIZE_LARGE, max(1, call.max_reply_bytes))  # counts while receiving, too; 0 would mean no limit
        setopt(pycurl.FORBID_REUSE, call.fresh)

    def _set_method(self, call: Call) -> None:
        """Any method but POST; the handle is emptied afterwards, so that nothing of it stays for the next call."""
        if not METHOD.fullmatch(call.method):
            raise InvalidCall(f"{call.method!r} is no HTTP method: give GET, POST, PUT, PATCH, DELETE, HEAD or the like")
        method = call.method.upper()
        setopt = self.curl.setopt
        if method == "HEAD":
            setopt(pycurl.NOBODY, 1)
            setopt(pycurl.MAXFILESIZE_LARGE, 0)  # its Content-Length is that of another reply
            return
        if call.body or method in ("POST", "PUT", "PATCH"):
            setopt(pycurl.POSTFIELDS, call.body)
        else:
            setopt(pycurl.HTTPGET, 1)
        setopt(pycurl.CUSTOMREQUEST, method)

    def has_address(self) -> bool:
        """Whether the host's name has been looked up for the call under way, or a kept connection needed no lookup."""
        return bool(self.curl.getinfo(pycurl.NAMELOOKUP_TIME) or self.curl.getinfo(pycurl.REQUEST_SIZE))

    @staticmethod
    def is_lookup_over(code: int, call: Call, waited_s: float) -> bool:
        """Whether a lookup that ended with this code has ended for another call too, which has waited for it so long."""
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return waited_s >= 0.95 * min(call.connect_timeout_s, call.timeout_s)  # libcurl's clock may be a little ahead
        return bool(code == pycurl.E_COULDNT_RESOLVE_HOST)

    def release(self) -> None:
        """Make the handle ready for the next call; it must be out of the multi handle by now."""
        self._chunks.clear()
        self._lines.clear()
        if self._soiled:
            self.curl.reset()
            self._configure()

    def close(self) -> None:
        """Free the handle for good."""
        self.curl.close()

    def reply(self, call: Call, target: Target) -> Reply:
        """The Reply of a call that libcurl takes for done: an HTTP answer that arrived whole, or whose headers broke off."""
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        if not self._headers_ended():  # libcurl does not mind
            error = f"the connection to {target.host} was closed in the middle of the reply's headers ({target.shown})"
            return failed(call, Failure.CONNECTION, error, status)
        return Reply(call.task, call.attempt, status, b"".join(self._chunks), self._retry_after(), None, "")

    def failed(self, call: Call, target: Target, code: int, message: str) -> Reply:
        """The Reply of a call that libcurl gave up with this code and message."""
        failure = FAILURES.get(code, Failure.CONNECTION)
        if code == pycurl.E_RECV_ERROR and message.startswith(HEADERS_TOO_LARGE):
            failure = Failure.TOO_LARGE
        if failure in NEVER_SENT and self.curl.getinfo(pycurl.REQUEST_SIZE):  # sent on a kept connection that closed, then once more
            failure, message = Failure.CONNECTION, f"closed after the request had been sent, and then: {message}"
        text = self._text(failure, call, target, code, message)
        return failed(call, failure, f"{text} ({target.shown})", self.curl.getinfo(pycurl.RESPONSE_CODE))

    def _text(self, failure: Failure, call: Call, target: Target, code: int, message: str) -> str:
        if failure is Failure.REFUSED:
            errno = self.curl.getinfo(pycurl.OS_ERRNO)
            reason = os.strerror(errno).lower() if errno else "cannot connect"
            return f"{reason} by {target.host}" if reason == "connection refused" else f"no connection to {target.host}: {reason}"
        if failure is Failure.UNKNOWN_HOST:
            return f"unknown host {target.host}"
        if failure is Failure.TIMEOUT and not self.curl.getinfo(pycurl.REQUEST_SIZE):
            return f"timeout: no connection to {target.host} within {min(call.connect_timeout_s, call.timeout_s):g} s"
        if failure is Failure.TIMEOUT:
            return f"timeout: no whole reply from {target.host} within {call.timeout_s:g} s"
        if failure is Failure.TOO_LARGE and code == pycurl.E_FILESIZE_EXCEEDED:
            return f"the reply of {target.host} is too large: at most {call.max_reply_bytes} bytes are taken"
        if failure is Failure.TOO_LARGE:
            return f"the reply headers of {target.host} are too large"
        if failure is Failure.CONNECTION and code == pycurl.E_UNSUPPORTED_PROTOCOL:
            return f"{target.host} does not speak HTTP"
        return f"{failure.replace('_', ' ')} error with {target.host}: {message or f'libcurl error {code}'}"

    def _headers_ended(self) -> bool:
        """Whether the last status line was followed by an empty line; trailers may have come after it."""
        for line in reversed(self._lines):
            if line in (b"\r\n", b"\n"):
                return True
            if line.startswith(b"HTTP/"):
                return False
        return False

    def _retry_after(self) -> str:
        for line in self._lines:
            if line[:12].lower() == b"retry-after:":
                return line[12:].strip().decode("latin-1")
        return ""


def failed(call: Call, failure: Failure, error: str, status: int = 0) -> Reply:
    """The Reply of a call that went wrong."""
    return Reply(call.task, call.attempt, status, b"", "", failure, error)


def _headers(call: Call) -> list[bytes]:
    """The header lines as libcurl takes them; raises InvalidCall for a line that would break the request."""
    if CONTROL.search("".join(call.headers)):
        raise InvalidCall("a header holds a control character (a line break?): remove it")
    try:
        lines = [header.encode() for header in call.headers]
    except UnicodeEncodeError as error:
        raise InvalidCall(f"a header cannot be encoded as UTF-8: {error}") from error
    lines.append(b"Expect:")  # else libcurl waits for "100 Continue" before it sends a long body
    return lines


def _milliseconds(seconds: float) -> int:
    return max(1, min(LONGEST_MS, int(seconds * 1000)))
