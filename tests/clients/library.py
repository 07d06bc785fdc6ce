"""A library's topic as an outside reader sees it: read from the beginning by the Python client with
its Avro deserializer, the newest message of each key taken, as after compaction.

Arguments: brokers, topic, base URL of the registry, token. Writes one JSON object:
`rows` by key, `gone`: the keys whose newest message is null, `messages`: how many there are.
"""

import json
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext


def main(brokers, topic, url, token):
    registry = SchemaRegistryClient({"url": url, "basic.auth.user.info": f"reader:{token}"})
    read = AvroDeserializer(registry)
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "outside-reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    newest, messages = {}, 0
    while True:
        message = consumer.poll(20)
        if message is None:
            sys.exit(f"nothing came of {topic}")
        if message.error():
            # The end of the partition.
            break
        messages += 1
        newest[message.key().decode()] = message.value()
    consumer.close()
    context = SerializationContext(topic, MessageField.VALUE)
    rows = {key: read(value, context) for key, value in newest.items() if value is not None}
    gone = sorted(key for key, value in newest.items() if value is None)
    print(json.dumps({"rows": rows, "gone": gone, "messages": messages}, default=str))


main(*sys.argv[1:])
