"""Servers that answer anything, on loopback."""

import contextlib
import socket
import threading


@contextlib.contextmanager
def serving(pieces, family=socket.AF_INET, accepts=True, closes=True):
    """Send pieces of bytes to whoever asks, until they leave or the pieces end; yields the address.

    A server may never accept, and may keep the line open at the end. Short pieces drip.
    """
    host, shown = ("::1", "[::1]") if family == socket.AF_INET6 else ("127.0.0.1", "127.0.0.1")
    listener = socket.create_server((host, 0), family=family)
    done = threading.Event()

    def answer(connection):
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            for piece in pieces():
                connection.sendall(piece)
                if done.wait(0.01 if len(piece) < 100 else 0):
                    return
            if not closes:
                done.wait(5)

    def serve():
        with contextlib.suppress(OSError):
            while accepts:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://{shown}:{listener.getsockname()[1]}"
    finally:
        done.set()
        listener.close()
