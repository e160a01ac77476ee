"""What stands between client and node in bad networks: a proxy that ends TLS, and opens a connection of its own to the node.

    with Proxy(("ingress.crt", "ingress.key"), target=7050, own=("nginx.crt", "nginx.key")) as proxy:
        ... proxy.port ...
"""
import asyncio
import contextlib
import ssl
import threading


class Proxy:
    """`pair`: what it shows to clients; `target`: the node's port, None: an HTTP/1.1 server answers in its place; `own`: its pair as
    a client of the node; `alpn`: the protocols that it agrees to."""

    def __init__(self, pair, target=None, own=None, alpn=("h2",)):
        self.target, self.port = target, None
        self.front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.front.load_cert_chain(*pair)
        if alpn:
            self.front.set_alpn_protocols(list(alpn))
        self.back = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.back.check_hostname, self.back.verify_mode = False, ssl.CERT_NONE  # as proxies do
        self.back.set_alpn_protocols(["h2"])
        if own:
            self.back.load_cert_chain(*own)

    def __enter__(self):
        ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait(30)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.done.set)
        self.thread.join(30)

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)
        self.loop.set_exception_handler(lambda *_: None)  # clients that go away are what this is for
        self.loop.run_until_complete(self._serve(ready))

    async def _serve(self, ready):
        self.done = asyncio.Event()
        server = await asyncio.start_server(self._client, "127.0.0.1", 0, ssl=self.front)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self.done.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _client(self, reader, writer):
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.CancelledError):
            if self.target is None:
                await reader.read(1)
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
            else:
                node_reader, node_writer = await asyncio.open_connection("127.0.0.1", self.target, ssl=self.back)
                await asyncio.gather(self._pump(reader, node_writer), self._pump(node_reader, writer))
        with contextlib.suppress(Exception):
            writer.close()

    @staticmethod
    async def _pump(reader, writer):
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(Exception):
            writer.close()
