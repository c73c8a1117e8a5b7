"""Fixtures of the runtime's tests."""

import pytest

from .counting import Counting, Load


@pytest.fixture
def make_counting(build_dir, kafka, tmp_path, unique):
    """Makes counting processes, not yet started; all end with the test."""
    made = []

    def make(topics, group=None, bootstrap=None, folder="counting", **settings):
        path = tmp_path / folder
        path.mkdir(exist_ok=True)
        made.append(Counting(build_dir, path, bootstrap or kafka.bootstrap, topics, group or unique("count"), **settings))
        return made[-1]

    yield make
    for counting in made:
        counting.close()


@pytest.fixture
def make_load(kafka):
    """Makes loads; all end with the test."""
    made = []

    def make(topics, **options):
        made.append(Load(kafka.bootstrap, topics, **options))
        return made[-1]

    yield make
    for load in made:
        load.finish()
