"""Adds partitions to a topic, as an operator might by mistake.

Arguments: brokers, topic, how many it has then.
"""

import sys

from confluent_kafka.admin import AdminClient, NewPartitions


def main(brokers, topic, partitions):
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.create_partitions([NewPartitions(topic, int(partitions))])[topic].result()


main(*sys.argv[1:])
