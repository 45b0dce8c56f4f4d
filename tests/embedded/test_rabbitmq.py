"""The tests' own RabbitMQ node, which the broker suite stands on."""

from __future__ import annotations

import kombu
import pytest

pytestmark = pytest.mark.rabbitmq


def test_each_test_has_a_virtual_host_of_its_own(rabbitmq):
    first, second = rabbitmq.vhost_url(), rabbitmq.vhost_url()
    quorum = kombu.Queue("hints", durable=True, queue_arguments={"x-queue-type": "quorum"})
    with kombu.Connection(first, transport_options={"confirm_publish": True}) as connection:
        connection.Producer().publish({"id": 1}, routing_key="hints", declare=[quorum])
        assert quorum.bind(connection.default_channel).queue_declare(passive=True).queue == "hints"
    with kombu.Connection(second) as connection, pytest.raises(connection.channel_errors):
        quorum.bind(connection.default_channel).queue_declare(passive=True)
