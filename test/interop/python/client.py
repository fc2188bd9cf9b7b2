"""Runs one check and prints its result as JSON: client.py <target> <check> <arguments as JSON>.

A check that has come to where the other side must do something prints a line that says "ready" before.
Options: "channel", those of the channel; "tls", the root, and the client's key and certificate where it needs one.
"""

import faulthandler
import inspect
import json
import sys

import connection_checks
import grpc
import model_checks
import predict_checks
from calls import UNLIMITED, Client

TIME_LIMIT_S = 45
CHECKS = {**predict_checks.CHECKS, **model_checks.CHECKS, **connection_checks.CHECKS}


def connect(target, channel=(), tls=None):
    options = [*UNLIMITED, *(tuple(option) for option in channel)]
    if tls is None:
        return grpc.insecure_channel(target, options=options)
    root, key, cert = (tls.get(name) and tls[name].encode() for name in ("root", "key", "cert"))
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(root, key, cert), options=options)


def main(target, name, arguments):
    check = CHECKS[name]
    given = json.loads(arguments)
    connection = {option: given.pop(option) for option in ("channel", "tls") if option in given}
    offered = {"target": target, "on_ready": lambda: print("ready", flush=True)}
    wanted = inspect.signature(check).parameters
    given.update({name: value for name, value in offered.items() if name in wanted})
    with connect(target, **connection) as channel:
        result = check(Client(channel), **given)
    print(json.dumps(result))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(TIME_LIMIT_S, exit=True)  # where it hangs
    main(*sys.argv[1:])
