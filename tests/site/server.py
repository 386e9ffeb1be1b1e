"""Serve a folder as a web host does: compressed, over connections that are kept; or slowly.

Under the browser's own imitation of a slow network some pages never came.
"""

import gzip
import io
import threading
import time
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SLOW = "x-network"  # the header by which a visitor asks for milliseconds and bytes a second
TEXT = {".css", ".html", ".js", ".json", ".svg", ".txt", ".xml"}


@cache
def packed(path, changed):
    """Return a file in gzip, packed once for each state of it."""
    return gzip.compress(Path(path).read_bytes(), compresslevel=6, mtime=0)


class Handler(SimpleHTTPRequestHandler):
    """Answer with gzip where it is text, as slowly as was asked; say nothing on the console."""

    protocol_version = "HTTP/1.1"

    def copyfile(self, source, outputfile):
        while part := source.read(16_384):
            with self.server.line:
                begins = max(self.server.free, time.perf_counter())
                self.server.free = until = begins + len(part) / self.speed
            time.sleep(max(until - time.perf_counter(), 0))
            outputfile.write(part)

    def do_GET(self):
        latency, self.speed = map(float, self.headers.get(SLOW, "0 inf").split())
        time.sleep(latency / 1000)
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXT or not path.is_file():
            super().do_GET()
            return
        body = packed(str(path), path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.copyfile(io.BytesIO(body), self.wfile)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """One that lets the browser hang up in the middle of an answer."""

    daemon_threads = True
    free = 0.0  # when the line is, which all answers share
    request_queue_size = 128  # else a connection that comes in a crowd is lost for seconds

    def __init__(self, *given):
        super().__init__(*given)
        self.line = threading.Lock()

    def handle_error(self, request, client_address):
        pass


@contextmanager
def serving(folder):
    """Yield the address under which a folder is served."""
    server = Server(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
