"""Deletes a topic, as an operator might.

Arguments: brokers, topic.
"""

import sys

from confluent_kafka.admin import AdminClient


def main(brokers, topic):
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.delete_topics([topic], operation_timeout=20)[topic].result()


main(*sys.argv[1:])
