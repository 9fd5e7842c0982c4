"""Runs MiniStack on 127.0.0.1 for the process at the other end of its pipes.

    launcher.py PORT        0: any that is free

It writes the port on stdout as soon as connections to it are taken. Then it does
what each line on stdin says, and answers it with "ok":

    advance SECONDS         moves the clock of SQS on: leases lapse, delays end
    outage 1|0              answers every request with a 503, or no longer

It ends when stdin does, so it never outlives whoever started it.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
import time


class Clock:
    """The module time, some seconds ahead."""

    ahead = 0.0

    def time(self):
        return time.time() + self.ahead

    def __getattr__(self, name):
        return getattr(time, name)


class Door:
    """An ASGI application in front of MiniStack's, which can be shut."""

    def __init__(self, app):
        self.app = app
        self.shut = False

    async def __call__(self, scope, receive, send):
        if not self.shut or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"application/x-amz-json-1.0")]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        body = b'{"__type": "ServiceUnavailable", "message": "an outage was asked for"}'
        await send({"type": "http.response.body", "body": body})


def authorize_batches_like_aws(actions):
    """Has IAM ask, for a batch of SQS, for the right to the single action.

    MiniStack asks for sqs:SendMessageBatch, which AWS does not know: a batch needs
    sqs:SendMessage (SQS developer guide, "Amazon SQS API permissions").
    """
    extract = actions.extract_iam_action

    def extracted(*args):
        action = extract(*args)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    actions.extract_iam_action = extracted


def obey(clock, door):
    for line in sys.stdin:
        command, argument = line.split()
        if command == "advance":
            clock.ahead += float(argument)
        elif command == "outage":
            door.shut = argument == "1"
        else:
            sys.exit(f"launcher.py: unknown command {command}")
        print("ok", flush=True)
    os._exit(0)


def main():
    # A terminal's Ctrl-C reaches every process: the one that started this says
    # when it is done with it, by closing stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    except (OSError, OverflowError) as e:
        sys.exit(f"port {sys.argv[1]} of 127.0.0.1 cannot be had ({e}); choose another with --port")
    port = listener.getsockname()[1]
    # MiniStack reads these when it is imported.
    os.environ.update(BIND_HOST="127.0.0.1", MINISTACK_HOST="127.0.0.1", GATEWAY_PORT=str(port))
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app
    from ministack.core import iam_actions
    from ministack.services import sqs

    clock, door = Clock(), Door(app)
    sqs.time = clock
    authorize_batches_like_aws(iam_actions)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 600
    config.keep_alive_max_requests = 10**9
    config.loglevel = "WARNING"
    print(port, flush=True)
    threading.Thread(target=obey, args=(clock, door), daemon=True).start()
    asyncio.run(serve(door, config, shutdown_trigger=asyncio.Event().wait))


main()
