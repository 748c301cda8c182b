"""The broker that the other system tests stand on."""

import pytest
from confluent_kafka import Consumer, KafkaException, Producer

from tests.system.broker import Broker


def produce(broker, topic, values):
    producer = Producer({"bootstrap.servers": broker.address})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def consume(broker, topic, count):
    consumer = Consumer(
        {
            "bootstrap.servers": broker.address,
            "group.id": "reader",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    try:
        return [message.value() for message in consumer.consume(count, timeout=60)]
    finally:
        consumer.close()


def test_keeps_its_records_and_its_port_through_a_kill(tmp_path):
    with Broker(tmp_path) as broker:
        broker.create_topic("events")
        produce(broker, "events", [b"one", b"two"])
        broker.kill()
        with pytest.raises(KafkaException):
            broker.admin().list_topics(timeout=1)
        broker.restart()
        produce(broker, "events", [b"three"])
        assert consume(broker, "events", 3) == [b"one", b"two", b"three"]
    assert not broker.running


def test_two_brokers_live_side_by_side(tmp_path):
    with Broker(tmp_path / "a") as a, Broker(tmp_path / "b") as b:
        a.create_topic("of_a", partitions=3)
        assert set(a.admin().list_topics(timeout=10).topics) == {"of_a"}
        assert set(b.admin().list_topics(timeout=10).topics) == set()
