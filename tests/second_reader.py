#!/usr/bin/env python3
"""A second reader of crumb's data folder, written from src/store/README.md alone.

    second_reader.py --data DIR     prints every record; damage and gaps go to stderr; exit 0, or 3

V1, V2 ... are the rules of that document. No server may be running on the folder. The tests hold
what this prints against `crumb cat`: if the two differ, one of the three is wrong - the program, this
script or the document.
"""
import calendar
import os
import re
import struct
import sys
import time
import zlib

STEM = r"(\d{8}T\d{6}Z)-([^-]{12})-(0|[1-9]\d*)-(0|[1-9]\d*)"
NEAR = 1 << 20
LINE_MAX = 131072
ROOM_MAX = 2040
MARK = b"\x00\x00\xff\xff"


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data, seed=0):
    crc = seed ^ 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


class Identity:
    """What a stem says; `bytes` is its form on disk."""

    def __init__(self, match):
        stamp, self.instance, worker, number = match.groups()
        self.worker, self.number = int(worker), int(number)
        self.seconds = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
        self.bytes = struct.pack("<12sIIQ", self.instance.encode(), self.worker, self.number,
                                 self.seconds * 1000)
        self.writer = (self.instance, self.worker)
        day = time.gmtime(self.seconds)
        self.folder = time.strftime("dt=%Y-%m-%d", day), time.strftime("hour=%H", day)


class Reader:
    def __init__(self, data):
        self.data = data
        self.damaged = False
        self.numbers = {}  # of each writer: the numbers delivered

    def tell(self, path, offset, what):
        self.damaged = True
        print(f"{path}@{offset}: {what}", file=sys.stderr)

    def deliver(self, identity, seq, line):
        self.numbers.setdefault(identity.writer, set()).add(seq)
        sys.stdout.buffer.write(line)

    # ---- segments

    def header(self, data, identity):
        """V1, V2: (first_seq, salt) of a valid header, "empty" or "damaged"."""
        data = data[:64].ljust(64, b"\0")
        if data == bytes(64):
            return "empty"
        magic, version, named, first_seq, salt = struct.unpack_from("<8sI28sQI", data)
        if magic != b"crumbseg" or version != 1 or crc32c(data[:60]) != struct.unpack_from("<I", data, 60)[0]:
            return "damaged"
        return (first_seq, salt) if named == identity.bytes else "empty"

    def record(self, data, at, salt, seed):
        """V3: (seq, line, end, tag) of the record at this place, or None."""
        if at + 20 > len(data):
            return None
        tag, length, seq, crc = struct.unpack_from("<IIQI", data, at)
        if (salt is not None and tag != salt) or not 1 <= length <= LINE_MAX or at + 20 + length > len(data):
            return None
        line = data[at + 20:at + 20 + length]
        if line[-1:] != b"\n" or crc32c(line, crc32c(data[at:at + 16], seed)) != crc:
            return None
        return seq, line, at + (20 + length + 7) // 8 * 8, tag

    def segment(self, path, identity, limit):
        with open(path, "rb") as file:
            data = file.read()
        header = self.header(data, identity)
        salt = None
        if header == "damaged":
            self.tell(path, 0, "the header is damaged")
        elif header != "empty":
            salt = header[1]
        seed = crc32c(identity.bytes)
        at, seen = 64, set()
        while True:
            found, begun = at, False
            record = self.record(data, found, salt, seed)
            while record is None and found + 8 <= len(data):  # V4
                begun |= salt is not None and found + 20 <= len(data) and data[found:found + 4] == struct.pack("<I", salt)
                found += 8
                record = self.record(data, found, salt, seed)
            if record is None:
                if begun:
                    self.tell(path, at, "the end is not whole")  # V5
                return
            if found > at:
                self.tell(path, at, f"{found - at} bytes are no record")
            seq, line, at, salt = record
            if seq in seen:
                self.tell(path, found, "a second copy")  # V6
                continue
            seen.add(seq)
            if seq < limit:  # V7
                self.deliver(identity, seq, line)

    # ---- sealed files

    def table(self, data):
        """V9: head and blocks, or None. Blocks: (offset, file_bytes, raw_bytes, records, crc32)."""
        if len(data) < 108 or data[:4] != b"\x1f\x8b\x08\x04" or data[12:14] != b"CR":
            return None
        (version, named, first_seq, last_seq, records, raw_bytes, file_bytes, flags, count, room,
         crc) = struct.unpack_from("<I28sQQQQQIIII", data, 16)
        start = 108 + 32 * room
        if version != 1 or not count <= room <= ROOM_MAX or len(data) < start:
            return None
        if crc32c(data[:start - 4]) != struct.unpack_from("<I", data, start - 4)[0]:
            return None
        blocks, at = [], start
        for k in range(count):
            size, raw, lines, block_crc = struct.unpack_from("<IIII", data, 104 + 32 * k)
            blocks.append((at, size, raw, lines, block_crc))
            at += size
        if at + 10 != file_bytes or sum(b[2] for b in blocks) != raw_bytes or sum(b[3] for b in blocks) != records:
            return None
        return {"identity": named, "first_seq": first_seq, "file_bytes": file_bytes, "in_order": flags & 1,
                "crc": crc, "raw_bytes": raw_bytes, "start": start, "blocks": blocks}

    def inflate(self, packed, raw_bytes, crc):
        """V11: the lines of a block, or None."""
        inflater = zlib.decompressobj(-15)
        try:
            raw = inflater.decompress(packed + b"\x03\x00", raw_bytes + 1)
        except zlib.error:
            return None
        whole = inflater.eof and not inflater.unused_data and len(raw) == raw_bytes
        return raw if whole and zlib.crc32(raw) == crc else None

    def find(self, data, table, block):
        """V12: the block somewhere near, or None."""
        offset, size, raw_bytes, _, crc = block
        start, end = max(table["start"], offset - NEAR), min(len(data), offset + size + NEAR)
        while start != -1 and start + size <= end:
            packed = data[start:start + size]
            raw = self.inflate(packed, raw_bytes, crc) if packed[-4:] == MARK else None
            if raw is not None:
                return raw
            mark = data.find(MARK, start, end)
            start = -1 if mark == -1 else mark + 4
        return None

    def deliver_lines(self, identity, raw, first_seq):
        for i, line in enumerate(raw.split(b"\n")[:-1]):
            if first_seq is None:
                match = re.search(rb'"id":"' + f"{identity.instance}-{identity.worker}-".encode() + rb'(\d+)"', line)
                seq = int(match.group(1)) if match else None
            else:
                seq = first_seq + i
            self.deliver(identity, seq, line + b"\n")

    def whole_member(self, path, data, identity):
        """V13: only the data are left to go by."""
        start = 12 + struct.unpack_from("<H", data, 10)[0] if len(data) >= 12 else len(data)
        inflater = zlib.decompressobj(-15)
        try:
            raw = inflater.decompress(data[start:])
            crc, size = struct.unpack("<II", inflater.unused_data)
        except (zlib.error, struct.error):
            return self.tell(path, 0, "the header, its copy and the rest are damaged")
        if data[:4] != b"\x1f\x8b\x08\x04" or not inflater.eof or crc != zlib.crc32(raw) or size != len(raw) & 0xFFFFFFFF:
            return self.tell(path, 0, "the header, its copy and the rest are damaged")
        self.tell(path, 0, "the header and its copy are damaged")
        self.deliver_lines(identity, raw, None)

    def sealed(self, path, identity):
        """Delivers; its table, or None."""
        with open(path, "rb") as file:
            data = file.read()
        table = self.table(data)
        if table is None:
            index = path[:-len(".ndjson.gz")] + ".idx"
            if os.path.isfile(index):
                with open(index, "rb") as file:
                    table = self.table(file.read())
            if table is None:
                self.whole_member(path, data, identity)
                return None
            self.tell(path, 0, "the header is damaged")
        if table["identity"] != identity.bytes:
            self.tell(path, 0, "another file's contents")  # V10
            return None
        seq = table["first_seq"]
        for block in table["blocks"]:
            offset, size, raw_bytes, records, crc = block
            raw = self.inflate(data[offset:offset + size], raw_bytes, crc) if offset + size <= len(data) else None
            if raw is None:
                raw = self.find(data, table, block)
                self.tell(path, offset, f"a damaged block, {size} bytes" if raw is None else "a block is elsewhere")
            if raw is not None:
                self.deliver_lines(identity, raw, seq if table["in_order"] else None)
            seq += records
        tail = b"\x03\x00" + struct.pack("<II", table["crc"], table["raw_bytes"] & 0xFFFFFFFF)
        if len(data) != table["file_bytes"] or data[-10:] != tail:  # V14
            self.tell(path, min(len(data), table["file_bytes"]), "the end is not as it should be")
        return table

    # ---- the folder

    def read(self):
        segments, sealed = {}, {}
        spool, hits = os.path.join(self.data, "spool"), os.path.join(self.data, "hits")
        for name in sorted(os.listdir(spool)) if os.path.isdir(spool) else []:
            match = re.fullmatch(STEM + r"\.seg", name)
            if match:
                segments[name[:-4]] = Identity(match)
        for folder, _, names in os.walk(hits):
            for name in names:
                match = re.fullmatch(STEM + r"\.ndjson\.gz", name)
                identity = Identity(match) if match else None
                if identity and folder == os.path.join(hits, *identity.folder):
                    sealed[name[:-len(".ndjson.gz")]] = identity
        for stem, identity in sorted(sealed.items()):
            self.sealed(os.path.join(hits, *identity.folder, stem + ".ndjson.gz"), identity)
        for stem, identity in sorted(segments.items()):
            if stem not in sealed:  # V8
                self.segment(os.path.join(spool, stem + ".seg"), identity, self.limit(segments, sealed, identity))
        self.tell_gaps()

    def limit(self, segments, sealed, identity):
        """V7: the first number of the next later segment of this writer that says one."""
        later = {other.number: (stem, other) for stem, other in [*segments.items(), *sealed.items()]
                 if other.writer == identity.writer and other.number > identity.number}
        for _, (stem, other) in sorted(later.items()):
            first = self.first_number(stem, other, stem in segments, stem in sealed)
            if first is not None:
                return first
        return 1 << 64

    def first_number(self, stem, identity, in_spool, in_hits):
        path = os.path.join(self.data, "spool", stem + ".seg")
        header = "empty"
        if in_spool:
            with open(path, "rb") as file:
                header = self.header(file.read(64), identity)
        if isinstance(header, tuple):
            return header[0]
        quiet = Quiet(self.data)
        if in_hits:
            path = os.path.join(self.data, "hits", *identity.folder, stem + ".ndjson.gz")
            table = quiet.sealed(path, identity)
            if table is not None:
                return table["first_seq"]
        elif in_spool:
            quiet.segment(path, identity, 1 << 64)
        numbers = quiet.numbers.get(identity.writer, set()) - {None}
        return min(numbers) if numbers else None

    def tell_gaps(self):
        for (instance, worker), numbers in sorted(self.numbers.items()):  # V18
            numbers.discard(None)
            if numbers and len(numbers) != max(numbers):
                self.damaged = True
                print(f"gap: {instance}-{worker}: {max(numbers) - len(numbers)} numbers are missing", file=sys.stderr)


class Quiet(Reader):
    """Only finds out which numbers a file has."""

    def tell(self, path, offset, what):
        pass

    def deliver(self, identity, seq, line):
        self.numbers.setdefault(identity.writer, set()).add(seq)


def main():
    if len(sys.argv) != 3 or sys.argv[1] != "--data":
        sys.exit("usage: second_reader.py --data DIR")
    reader = Reader(sys.argv[2])
    reader.read()
    sys.exit(3 if reader.damaged else 0)


if __name__ == "__main__":
    main()
