"""What happens to calls and connections: threads, deadlines, cancellation, keepalive, the end of the server."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from calls import PATIENCE_S, Client, failure, linear_request, spin_request

OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)


def predict_value(client, value):
    return client.predict(linear_request(value)).outputs["y"].float_val[0]


def threads(_client, target, channels, calls):
    """The number of answers, and of those that are wrong; each channel is a connection of its own."""

    def work(place):
        with grpc.insecure_channel(target, options=[OWN_CONNECTION]) as channel:
            client = Client(channel)
            values = [float(place * calls + call) for call in range(calls)]
            with ThreadPoolExecutor(4) as callers:
                answers = list(callers.map(lambda value: predict_value(client, value), values))
            return [answer == value + 2 for value, answer in zip(values, answers)]

    with ThreadPoolExecutor(channels) as workers:
        isRight = [each for results in workers.map(work, range(channels)) for each in results]
    return {"answers": len(isRight), "wrong": isRight.count(False)}


def futures(client, calls):
    """Many calls at once on one connection."""
    started = [client.prediction.Predict.future(linear_request(float(call)), PATIENCE_S) for call in range(calls)]
    answers = [future.result().outputs["y"].float_val[0] for future in started]
    return {"answers": len(answers), "isRight": answers == [call + 2.0 for call in range(calls)]}


def asynchronous(_client, target, calls):
    async def work():
        async with grpc.aio.insecure_channel(target) as channel:
            client = Client(channel)
            started = [client.prediction.Predict(linear_request(float(call)), timeout=PATIENCE_S) for call in range(calls)]
            return [answer.outputs["y"].float_val[0] for answer in await asyncio.gather(*started)]

    answers = asyncio.run(work())
    return {"answers": len(answers), "isRight": answers == [call + 2.0 for call in range(calls)]}


def deadline(client, turns, timeout):
    ended = failure(lambda: client.predict(spin_request(turns), timeout))
    past = failure(lambda: client.predict(linear_request(), -1))
    return {"slow": ended["code"], "past": past["code"], "after": predict_value(client, 3.0)}


def cancel(client, turns, on_ready):
    """One that is under way at the server."""
    future = client.prediction.Predict.future(spin_request(turns), PATIENCE_S)
    on_ready()
    input()  # until the other side says that it runs
    is_done = future.done()
    future.cancel()
    return {"isDone": is_done, "isCancelled": future.cancelled(), "code": future.code().name, "after": predict_value(client, 3.0)}


def call_metadata(client):
    headers = [("x-trace-bin", bytes(range(256))), ("x-text", "a, b"), ("x-text", "c"), ("x-long", "l" * 4000)]
    answer, call = client.prediction.Predict.with_call(linear_request(5.0), PATIENCE_S, metadata=headers)
    return {"y": answer.outputs["y"].float_val[0], "code": call.code().name}


def until_closed(client, on_ready, calls_after):
    """Calls without a pause until the server goes away: what the calls ended with, and how many were answered."""
    ended = []
    lock = threading.Lock()

    def work(place):
        after = 0
        while after < calls_after:
            code = failure(lambda: client.predict(linear_request()))["code"]
            with lock:
                ended.append(code)
                if len(ended) == 20:
                    on_ready()
            after += code != "OK"

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    return {"codes": sorted(set(ended)), "answered": ended.count("OK")}


def reconnect(client, on_ready):
    """Answers before and after the server is another one at the same address; the channel is the same."""
    before = predict_value(client, 1.0)
    on_ready()
    input()
    answer = client.predict(linear_request(1.0), wait_for_ready=True)
    return [before, answer.outputs["y"].float_val[0]]


def early(client, on_ready):
    """A call that waits for a server that is not there yet."""
    refused = failure(lambda: client.predict(linear_request(), 5))
    on_ready()
    answer = client.predict(linear_request(1.0), wait_for_ready=True)
    return {"refused": refused["code"], "y": answer.outputs["y"].float_val[0]}


CHECKS = {
    "threads": threads,
    "futures": futures,
    "asynchronous": asynchronous,
    "deadline": deadline,
    "cancel": cancel,
    "call_metadata": call_metadata,
    "until_closed": until_closed,
    "reconnect": reconnect,
    "early": early,
}
