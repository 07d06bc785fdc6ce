"""A department's own tools on its inbound topic and on its delivery topic.

Arguments: `make`, `remake`, `write`, `change` or `read`, then brokers, the topic's name, and for
`write` and `change` the registry's URL and a token. `read` writes a JSON list, at which
`tests/tests/kafka_connectors.rs` looks.
"""

import decimal
import json
import sys

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    SerializingProducer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import StringSerializer

SUBJECT = "entry.health.patient-value"


def row(no, name, sex, fee):
    return {"no": no, "name": name, "sex": sex, "fee": decimal.Decimal(fee)}


def make(brokers, topic):
    admin = AdminClient({"bootstrap.servers": brokers})
    for done in admin.create_topics([topic]).values():
        done.result(20)


def producer(brokers, url, token):
    registry = SchemaRegistryClient({"url": url, "basic.auth.user.info": f"client:{token}"})
    own = registry.get_latest_version(SUBJECT).schema.schema_str
    return SerializingProducer(
        {
            "bootstrap.servers": brokers,
            "key.serializer": StringSerializer(),
            "value.serializer": AvroSerializer(registry, own),
        }
    )


def write(brokers, topic, url, token):
    make(brokers, NewTopic(topic, num_partitions=2))
    own = producer(brokers, url, token)
    rows = [
        row("P1", "肖文", "1", "12.50"),
        row("P2", "李娜", "2", "8.00"),
        row("P3", "王芳", "7", "1.00"),
        row("P4", "刘洋", "1", "3.25"),
    ]
    for one in rows:
        own.produce(topic, key=one["no"], value=one)
    own.flush(20)
    plain = SerializingProducer({"bootstrap.servers": brokers})
    for value in [b'{"no":"P8"}', b"\0\0\0\x03\xe7\x04P9", b"\0\0"]:
        plain.produce(topic, key=b"P8", value=value)
    plain.flush(20)


def change(brokers, topic, url, token):
    own = producer(brokers, url, token)
    own.produce(topic, key="P1", value=row("P1", "肖文", "2", "12.50"))
    own.flush(20)
    plain = SerializingProducer({"bootstrap.servers": brokers})
    plain.produce(topic, key=b"P4", value=None)
    plain.flush(20)


def read(brokers, topic):
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    partitions = consumer.list_topics(topic, 20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, one, OFFSET_BEGINNING) for one in partitions])
    seen, open_ones = [], len(partitions)
    while open_ones:
        message = consumer.poll(20)
        if message is None:
            raise TimeoutError(topic)
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            open_ones -= 1
            continue
        value = message.value()
        seen.append([message.key().decode(), value and json.loads(value)])
    consumer.close()
    json.dump(seen, sys.stdout, ensure_ascii=False)


def make_out(brokers, topic):
    make(brokers, NewTopic(topic, num_partitions=1))


def remake(brokers, topic):
    """Deletes it and makes another of its name, as one step for who looks every second."""
    admin = AdminClient({"bootstrap.servers": brokers})
    for done in admin.delete_topics([topic]).values():
        done.result(20)
    make_out(brokers, topic)


def main():
    verb, brokers, topic, *more = sys.argv[1:]
    verbs = {"write": write, "change": change, "read": read, "make": make_out, "remake": remake}
    verbs[verb](brokers, topic, *more)


main()
