"""Many sessions of one process, and the simulator that they talk to."""

import pytest

from tests.scale.many import Many, Service


@pytest.fixture
def sim(tmp_path):
    service = Service(tmp_path, turns=[])
    yield service
    service.stop()


@pytest.fixture
def many(sim):
    host = Many(sim.url)
    yield host
    host.child.discard()
