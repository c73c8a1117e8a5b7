"""A Python application for the plugin's tests: reads a JSON object of options, prints a JSON object of what it saw."""

import json
import multiprocessing
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition


def produce(options, count):
    """Sends `count` messages; the acknowledged ones as [partition, offset, time, bytes]."""
    acked, failed = [], []

    def delivered(error, message):
        if error is not None:
            failed.append(error.code())
            return
        size = len(message.value()) + len(message.key() or b"")
        acked.append([message.partition(), message.offset(), message.timestamp()[1], size])

    producer = Producer(options["producer"])
    for i in range(count):
        extra = {"timestamp": options["timestamp"]} if "timestamp" in options else {}
        producer.produce(options["topic"], b"v" * options.get("size", 100), key=str(i), on_delivery=delivered, **extra)
        producer.poll(0)
    producer.flush(30)
    return {"acked": acked, "failed": failed}


def consume(options, count):
    """Reads `count` messages in `options.polls` ways, then seeks if asked, commits and closes."""
    consumer = Consumer(options["consumer"])
    consumer.subscribe([options["topic"]])
    seen = read(consumer, count)
    for partition, offset, again in options.get("seeks", []):
        consumer.seek(TopicPartition(options["topic"], partition, offset))
        seen += read(consumer, again)
    consumer.commit(asynchronous=False)
    time.sleep(options.get("linger", 0))
    consumer.close()
    return {"read": seen}


def read(consumer, count):
    seen = []
    until = time.monotonic() + 30
    while len(seen) < count and time.monotonic() < until:
        for message in consumer.consume(min(100, count - len(seen)), 0.5):
            if message.error() is None:
                seen.append([message.partition(), message.offset()])
    return seen


def child(options, count, queue):
    queue.put(produce(options, count))


def fork(options, count):
    """Sends here, in a forked child, and here again."""
    first = produce(options, count)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    worker = context.Process(target=child, args=(options, count, queue))
    worker.start()
    inside = queue.get(timeout=60)
    worker.join(60)
    second = produce(options, count)
    return {"acked": first["acked"] + inside["acked"] + second["acked"], "failed": [], "exit": worker.exitcode}


def main():
    options = json.loads(sys.argv[1])
    todo = {"produce": produce, "consume": consume, "fork": fork}[options["do"]]
    json.dump(todo(options, options["count"]), sys.stdout)


main()
