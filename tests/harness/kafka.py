"""A real Kafka broker (KRaft, one node) on free loopback ports. Its topics keep records of any age, unless they say otherwise."""

import os
import pathlib
import subprocess

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from . import process
from .wait import wait_until

DEFAULT_LIBS = "~/.cache/waybill/kafka-4.3.0/libs"

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
log.retention.check.interval.ms=1000
log.retention.ms=-1
auto.create.topics.enable=false
"""


class Broker:
    """`bootstrap` is its address. Topics are made through it, so that their partition count is known."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self._admin = None

    @property
    def admin(self):
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap})
        return self._admin

    def create_topic(self, name, partitions=4, **config):
        """Creates the topic and waits until every partition has a leader."""
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1,
                         config={k.replace("_", "."): str(v) for k, v in config.items()})
        self.admin.create_topics([topic], request_timeout=20)[name].result(30)
        wait_until(lambda: self._led(name, partitions), 20, f"topic {name} has leaders")
        return name

    def _led(self, name, partitions):
        found = self.admin.list_topics(name, timeout=10).topics[name].partitions
        return len(found) == partitions and all(p.leader >= 0 for p in found.values())

    def end(self, topic, partition=0):
        """One past the newest offset."""
        asked = {TopicPartition(topic, partition): OffsetSpec.latest()}
        return next(iter(self.admin.list_offsets(asked, request_timeout=10).values())).result(10).offset

    def delete_topic(self, name):
        self.admin.delete_topics([name], request_timeout=20)[name].result(30)

    def topics(self):
        return set(self.admin.list_topics(timeout=10).topics)

    def members(self, group):
        """How many members the broker thinks the group has."""
        described = self.admin.describe_consumer_groups([group], request_timeout=10)[group].result(15)
        return len(described.members)

    def close(self):
        self._admin = None


class LocalBroker(Broker):
    """Starts its own broker in `folder`; start() after stop() or kill() goes on with the same data and ports."""

    def __init__(self, folder, libs=None, **properties):
        """`properties` (with `_` for `.`) are added to the broker's own; {port} and {controller} in them are its ports."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.libs = pathlib.Path(libs or os.environ.get("WAYBILL_KAFKA_LIBS") or DEFAULT_LIBS).expanduser()
        if not any(self.libs.glob("kafka_2.13-*.jar")):
            raise RuntimeError(f"no Kafka jars in {self.libs}; run: ./dev deps")
        port = process.free_port()
        super().__init__(f"127.0.0.1:{port}")
        self.process = None
        self.log = self.folder / "broker.log"
        self._properties = self.folder / "server.properties"
        extra = "".join(f"{name.replace('_', '.')}={value}\n" for name, value in properties.items())
        self._properties.write_text(
            (_PROPERTIES + extra).format(port=port, controller=process.free_port(), data=self.folder / "data"))
        self.uuid = self._java("kafka.tools.StorageTool", "random-uuid").strip().splitlines()[-1]
        self._java("kafka.tools.StorageTool", "format", "-t", self.uuid, "-c", str(self._properties))

    def _java(self, *arguments):
        result = subprocess.run(["java", "-cp", f"{self.libs}/*", *arguments], cwd=self.folder, capture_output=True,
                                text=True, timeout=60)
        if result.returncode != 0:
            raise RuntimeError(f"{arguments} failed: {result.stdout}{result.stderr}")
        return result.stdout

    def start(self, timeout=60.0):
        self.process = process.start(
            ["java", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{self.libs}/*", "kafka.Kafka", str(self._properties)],
            log=self.log, cwd=self.folder)
        wait_until(self._answers, timeout, f"broker at {self.bootstrap} answers\n{process.tail(self.log, 15)}")
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"the broker ended with {self.process.returncode}\n{process.tail(self.log)}")
        try:
            return bool(AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
                        .list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def kill(self):
        """SIGKILL, as a machine that loses power."""
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        if self.process is not None:
            process.stop(self.process, timeout=15)

    def close(self):
        super().close()
        self.stop()


class LocalCluster(LocalBroker):
    """A LocalBroker that leads the cluster, and brokers beside it that can be killed. Topics that must survive belong to the
    first: create_topic() puts them there, create_replicated() anywhere."""

    def __init__(self, folder, libs=None, **properties):
        super().__init__(folder, libs, **properties)
        self.others = {}

    def add_broker(self, node):
        """Starts broker `node` (2, 3, ...)."""
        folder = self.folder / f"broker-{node}"
        folder.mkdir()
        port = process.free_port()
        lines = []
        for line in self._properties.read_text().splitlines():
            name = line.partition("=")[0]
            lines.append({"process.roles": "process.roles=broker", "node.id": f"node.id={node}",
                          "listeners": f"listeners=PLAINTEXT://127.0.0.1:{port}",
                          "advertised.listeners": f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
                          "log.dirs": f"log.dirs={folder / 'data'}"}.get(name, line))
        file = folder / "server.properties"
        file.write_text("\n".join(lines) + "\n")
        self._java("kafka.tools.StorageTool", "format", "-t", self.uuid, "-c", str(file))
        self.others[node] = (file, None)
        self.start_other(node)

    def start_other(self, node, timeout=60.0):
        file, _ = self.others[node]
        self.others[node] = (file, process.start(
            ["java", "-Xmx384m", "-XX:+UseSerialGC", "-cp", f"{self.libs}/*", "kafka.Kafka", str(file)],
            log=file.with_name("broker.log"), cwd=file.parent))
        wait_until(lambda: node in self.admin.list_topics(timeout=5).brokers, timeout,
                   f"broker {node} is a member\n{process.tail(file.with_name('broker.log'), 15)}")

    def stop_other(self, node):
        process.stop(self.others[node][1], timeout=20)

    def kill_other(self, node):
        """SIGKILL."""
        self.others[node][1].kill()
        self.others[node][1].wait(10)

    def create_replicated(self, name, replicas, **config):
        """A topic of one partition on the brokers `replicas`; the first is its leader."""
        topic = NewTopic(name, num_partitions=1, replica_assignment=[replicas],
                         config={k.replace("_", "."): str(v) for k, v in config.items()})
        self.admin.create_topics([topic], request_timeout=20)[name].result(30)
        wait_until(lambda: self.leader(name) == replicas[0], 20, f"topic {name} has its leader")
        return name

    def leader(self, name):
        """Node id of the leader of partition 0; -1 = none."""
        return self.admin.list_topics(name, timeout=10).topics[name].partitions[0].leader

    def in_sync(self, name):
        return set(self.admin.list_topics(name, timeout=10).topics[name].partitions[0].isrs)

    def close(self):
        for _, running in self.others.values():
            if running is not None:
                process.stop(running, timeout=5)
        super().close()
