"""The data files of tests/fixtures. Large ones are kept gzipped and are unpacked once a process."""

import functools
import gzip
import pathlib
import shutil
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "fixtures"


@functools.cache
def _unpacked_folder():
    return tempfile.TemporaryDirectory(prefix="waybill-fixtures-")  # removed when the process ends


@functools.cache
def fixture(name):
    """The path of a fixture, unpacked when it is kept as `name`.gz."""
    plain = FOLDER / name
    if plain.exists():
        return plain
    path = pathlib.Path(_unpacked_folder().name) / name
    with gzip.open(FOLDER / f"{name}.gz") as packed, path.open("wb") as out:
        shutil.copyfileobj(packed, out)
    return path
