"""Shortens the log of partitions of a stopped broker, as a leader does that lost the newest messages."""

import struct

_BATCH = struct.Struct(">qi")   # base offset, length of what follows
_LAST_DELTA = struct.Struct(">i")
_LAST_DELTA_AT = 23             # of a batch of version 2


def cut_partitions(data, topic, keep):
    """`keep` is {partition: first offset that is gone}. Afterwards the broker finds the new ends by itself."""
    for partition, end in keep.items():
        folder = data / f"{topic}-{partition}"
        segments = sorted(folder.glob("*.log"))
        assert len(segments) == 1, segments
        content = segments[0].read_bytes()
        at, cut = 0, None
        while at + _BATCH.size <= len(content) and content[at:at + _BATCH.size].strip(b"\0"):
            base, length = _BATCH.unpack_from(content, at)
            last = base + _LAST_DELTA.unpack_from(content, at + _LAST_DELTA_AT)[0]
            if base >= end:
                cut = at
                break
            assert last < end, f"one batch holds {base} to {last}; it cannot be cut at {end}"
            at += _BATCH.size + length
        assert cut, f"{folder} has nothing at {end}"
        segments[0].write_bytes(content[:cut])
        for index in (*folder.glob("*.index"), *folder.glob("*.timeindex")):
            index.unlink()
    for name in (".kafka_cleanshutdown", "recovery-point-offset-checkpoint"):
        path = data / name
        if path.exists():
            path.unlink()
