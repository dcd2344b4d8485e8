#!/usr/bin/env python3
"""Prints the timeline of a session folder. Written from FORMAT.md alone; needs Python 3.9 and the package blake3.

Reads the folder only: no directory beside it, no local store. Standard error says what is missing or not read.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from blake3 import blake3

UUID_NAME = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# One of our names: alone, continued by neither an ASCII letter nor a digit, or between a dot and an extension.
DIRECTORY = re.compile(rf"({UUID_NAME})(?![0-9A-Za-z])|\.({UUID_NAME})\..")
MESSAGES = re.compile(r"(?!0{16})[0-9a-f]{16}(?![0-9A-Za-z])|\.(?!0{16})[0-9a-f]{16}(-[0-9a-f]{16})?\..")
HEAD = re.compile(r"head(?![0-9A-Za-z])|\.head\..")
MAX_FRAME, MAX_PACK, MAX_HEAD = 16 << 20, 64 << 20, 64 << 10
MAX_PARENTS, MAX_EXTENSIONS, MAX_EXTENSION_BYTES = 256, 32, 12 << 10
MAX_ATTACHMENTS, MAX_PARTS, MAX_ATTACHMENT = 16, 1024, 1 << 40
PAYLOAD, PROFILE, SUCCESSOR, RELEASE, RETIREMENT = 0, 1, 2, 3, 4
ATTACHED, SIGNED = 1, 2


class Unread(Exception):
    """The bytes are not what they should be, or newer than this program."""


class Message(NamedTuple):
    key: tuple  # author, counter, digest
    kind: int
    lamport: int
    unix_ms: int
    causes: list  # keys
    files: list  # name, media type, length and id of each
    payload: bytes
    author_key: bytes  # of the first message of an author that signs
    signed: bytes  # what the signature covers
    signature: bytes  # empty without one

    @property
    def order(self):
        return self.lamport, self.unix_ms, self.key[0], self.key[2]


class Fields:
    """The fields of a header or a head, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def run(self, length):
        self.at += length
        if self.at > len(self.data):
            raise Unread("a field is cut short")
        return self.data[self.at - length : self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.run(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if value >> 64 or shift > 70:
                raise Unread("a number has more than 64 bits")
            if byte < 0x80:
                return value

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def sized(self, expected=None):
        length = self.varint()
        if expected not in (None, length):
            raise Unread(f"{length} bytes where {expected} belong")
        return self.run(length)

    def optional(self, expected=None):
        present = self.run(1)[0]
        if present > 1:
            raise Unread("an optional field begins with neither 0 nor 1")
        return self.sized(expected) if present else None

    def is_over(self):
        return self.at == len(self.data)


def frames(data):
    """Yields each message; where a frame is newer, the error that says so. Raises the error at what is no frame."""
    at = 0
    while at < len(data) or not data:
        prelude = data[at : at + 12]
        if prelude[:4] != b"\xf7TMP"[: len(prelude)]:
            raise Unread("no message")
        payload_at = at + 12 + int.from_bytes(prelude[6:8], "little")
        end = payload_at + int.from_bytes(prelude[8:12], "little")
        if end + 32 - at > MAX_FRAME:
            raise Unread("too large")
        if len(data) < max(end, at + 12) + 32:
            raise Unread("incomplete")
        digest = data[end : end + 32]
        if blake3(data[at:end]).digest() != digest:
            raise Unread("damaged")
        if prelude[4] == 1 and not prelude[5] & ~(ATTACHED | SIGNED):
            signature_at = end - 64 if prelude[5] & SIGNED else end
            if signature_at < payload_at:
                raise Unread("the signature is cut short")
            header, signature = Fields(data[at + 12 : payload_at]), data[signature_at:end]
            signed = b"tempo/frame/1\0" + blake3(data[at:signature_at]).digest()
            section = Fields(data[payload_at:signature_at])
            yield message(header, section if prelude[5] & ATTACHED else None, section, digest, signed, signature)
        else:
            yield Unread(f"newer: version {prelude[4]}, flags {prelude[5]}")
        at = end + 32


def message(header, named, payload, digest, signed, signature):
    author, counter, kind = header.sized(16), header.varint(), header.run(1)[0]
    lamport, unix_ms, previous = header.varint(), header.zigzag(), header.optional(32)
    count = header.varint()
    if count > MAX_PARENTS:
        raise Unread("too many parents")
    parents = [(header.sized(16), header.varint(), header.sized(32)) for _ in range(count)]
    signs = author[6] >> 4 == 8
    carries_key = signs and counter == 1
    if signature and not signs or carries_key and not signature:
        raise Unread("a signature where none may be, or none where one must be")
    author_key = header.run(32) if carries_key else b""
    if carries_key and author_of(author_key) != author:
        raise Unread("the key of another author")
    attachments = [] if named is None else files(header, named)
    payload = payload.run(len(payload.data) - payload.at)
    tags, extension_bytes = [], 0
    while not header.is_over():
        tags.append(header.varint())
        extension_bytes += len(header.sized())
    if counter == 0 or (previous is None) != (counter == 1):
        raise Unread("the previous message does not fit the counter")
    if parents != sorted(set(parents)) or any(parent[0] == author or parent[1] == 0 for parent in parents):
        raise Unread("wrong parents")
    if tags != sorted(set(tags)) or any(tag >> 16 for tag in tags):
        raise Unread("wrong extensions")
    if len(tags) > MAX_EXTENSIONS or extension_bytes > MAX_EXTENSION_BYTES:
        raise Unread("too many extensions")
    if attachments and kind in (PROFILE, SUCCESSOR, RELEASE, RETIREMENT):
        raise Unread("a file where none may be")
    if kind not in (PAYLOAD, PROFILE, SUCCESSOR, RELEASE, RETIREMENT) or any(tag & 1 for tag in tags):
        return Unread(f"newer: message {counter} of kind {kind} with extensions {tags}")
    causes = parents if previous is None else [(author, counter - 1, previous), *parents]
    return Message((author, counter, digest), kind, lamport, unix_ms, causes, attachments, payload, author_key, signed,
                   signature)


def files(header, named):
    """The name, length and id of each attachment."""
    entries, count = [], header.varint()
    if not 1 <= count <= MAX_ATTACHMENTS:
        raise Unread("wrong number of files")
    for _ in range(count):
        file, length, exponent = header.run(32), header.varint(), header.run(1)[0]
        if not 1 <= length <= MAX_ATTACHMENT or not 10 <= exponent <= 30 or length > MAX_PARTS << exponent:
            raise Unread("a file of a wrong length")
        parts = -(-length // (1 << exponent))
        hashes = [header.run(32) for _ in range(parts if parts > 1 else 0)]
        if hashes and tree(hashes, ROOT) != file:
            raise Unread("the parts of a file do not give its id")
        entries.append((file, length, parts))
    names = Fields(named.sized())
    entries = [(names.sized(), names.sized(), *entry) for entry in entries]
    if sum(parts for *_, parts in entries) > MAX_PARTS or len({file for _, _, file, *_ in entries}) < count:
        raise Unread("too many parts, or a file twice")
    if not names.is_over() or any(not 1 <= len(name) <= 255 or len(kind) > 127 for name, kind, *_ in entries):
        raise Unread("wrong names of files")
    try:
        return [(name.decode(), kind.decode(), length, file.hex()) for name, kind, file, length, _ in entries]
    except UnicodeDecodeError:
        raise Unread("the name of a file is no text") from None


# The inner nodes of BLAKE3, which hashes a file as a tree.
ROOT, PARENT, WORD = 8, 4, 0xFFFFFFFF
IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19]
ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]
COLUMNS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)]
DIAGONALS = [(0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]


def tree(hashes, flags=0):
    if len(hashes) == 1:
        return hashes[0]
    left = 1 << (len(hashes) - 1).bit_length() - 1
    block = tree(hashes[:left]) + tree(hashes[left:])
    words = [int.from_bytes(block[at : at + 4], "little") for at in range(0, 64, 4)]
    v = IV + IV[:4] + [0, 0, 64, PARENT | flags]
    for _ in range(7):
        for at, (a, b, c, d) in enumerate(COLUMNS + DIAGONALS):
            for word, by_d, by_b in ((words[2 * at], 16, 12), (words[2 * at + 1], 8, 7)):
                v[a] = v[a] + v[b] + word & WORD
                v[d] = turn(v[d] ^ v[a], by_d)
                v[c] = v[c] + v[d] & WORD
                v[b] = turn(v[b] ^ v[c], by_b)
        words = [words[at] for at in ORDER]
    return b"".join((v[at] ^ v[at + 8]).to_bytes(4, "little") for at in range(8))


def turn(word, by):
    return (word >> by | word << 32 - by) & WORD


def author_of(key):
    """The author of a key: a uuid of version 8 with 122 bits of the key's hash."""
    made = bytearray(blake3(key, derive_key_context="tempo 2026-11 author").digest()[:16])
    made[6], made[8] = made[6] & 0x0F | 0x80, made[8] & 0x3F | 0x80
    return bytes(made)


# Ed25519 as in RFC 8032, strictly: a point is x, y, z and x*y/z.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    c, d = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = f - e, d - c, d + c, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        result, point, scalar = add(result, point) if scalar & 1 else result, add(point, point), scalar >> 1
    return result


def equal(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 == (a[1] * b[2] - b[1] * a[2]) % P


def point(data):
    """The point that 32 bytes spell in the one way that counts; None for any other bytes, and for a small order."""
    y, sign = int.from_bytes(data, "little") & ~(1 << 255), data[31] >> 7
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if (x * x - xx) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - xx) % P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    found = (x, y, 1, x * y % P)
    return None if equal(times(8, found), (0, 1, 1, 0)) else found


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def verifies(key, signed, signature):
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + signed).digest(), "little") % L
    return equal(times(s, BASE), add(r, times(k, a)))


def head(data, author):
    """The parts of a head that matter here: what says which is the latest, the author's name, its last counter."""
    if data[:4] != b"\xf7TMH" or len(data) < 41 or int.from_bytes(data[5:9], "little") != len(data) - 41:
        raise Unread("no head")
    if blake3(data[:-32]).digest() != data[-32:]:
        raise Unread("damaged")
    if data[4] not in (1, 2):
        raise Unread(f"newer: head of version {data[4]}")
    sealed = data[4] == 2
    body = Fields(data[9 : -32 - 96 if sealed else -32])
    if body.sized(16) != author:
        raise Unread("the head of another author")
    name, place_at = body.optional(), body.at
    place_end = (body.optional(), body.at)[1]
    counter, _digest, _lamport = body.varint(), body.optional(32), body.varint()
    for _ in range(body.varint()):
        body.sized(16), body.varint()
    for _ in range(body.varint()):
        body.sized(16), body.varint(), body.sized(32)
    life, nonce, unix_ms = body.varint(), body.varint(), body.zigzag()
    if not body.is_over():
        raise Unread("more than a head")
    if author[6] >> 4 == 8:
        # The signature is that of the same head without what the author calls the session.
        key, signature = data[-128:-96], data[-96:-32]
        unplaced = body.data[:place_at] + b"\0" + body.data[place_end:] + key
        signed = data[:5] + len(unplaced + signature).to_bytes(4, "little") + unplaced
        statement = b"tempo/head/1\0" + blake3(signed).digest()
        if not sealed or author_of(key) != author or not verifies(key, statement, signature):
            raise Unread("a head that its author has not signed")
    return (life, nonce, counter, unix_ms), display_name(name or b""), counter


def display_name(data):
    text = as_text(data)
    return text if text is not None and 1 <= len(data) <= 128 else None


def as_text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


class Session:
    """Every message that a folder holds, each once; the latest head of each author; and remarks for people."""

    def __init__(self, folder):
        self.messages, self.heads, self.remarks = {}, {}, []
        for directory in sorted(os.scandir(folder), key=lambda entry: entry.name):
            name = DIRECTORY.match(directory.name)
            if name and directory.is_dir(follow_symlinks=False):
                for file in sorted(os.scandir(directory), key=lambda entry: entry.name):
                    try:
                        self.read(file, UUID(name[1] or name[2]).bytes)
                    except (Unread, OSError) as why:
                        self.remarks.append(f"not read: {directory.name}/{file.name}: {why}")

    def read(self, file, author):
        is_head = HEAD.match(file.name)
        if not (is_head or MESSAGES.match(file.name)) or not file.is_file(follow_symlinks=False):
            return
        if file.stat().st_size > (MAX_HEAD if is_head else MAX_PACK):
            raise Unread("too large")
        with open(file.path, "rb") as opened:
            data = opened.read()
        if is_head:
            self.heads[author] = max(head(data, author), self.heads.get(author, ((),)), key=lambda it: it[0])
            return
        for found in frames(data):
            if isinstance(found, Unread):
                self.remarks.append(f"not read: {file.path}: {found}")
            elif found.key[0] == author:
                self.messages[found.key] = found
            else:
                self.remarks.append(f"not read: {file.path}: a message of another author")

    def accepted(self):
        """The messages whose causes are all accepted and whose logical time is right, in order."""
        accepted, waiting, ready = {}, defaultdict(list), self.vouched_for()
        while ready:
            it = ready.pop()
            missing = next((cause for cause in it.causes if cause not in accepted), None)
            if missing:
                waiting[missing].append(it)
            elif it.lamport == 1 + max((accepted[cause].lamport for cause in it.causes), default=0):
                accepted[it.key] = it
                ready += waiting.pop(it.key, [])
            else:
                self.remarks.append(f"rejected: {name_of(it.key)} has the wrong logical time")
        held = [f"held: {name_of(it.key)} waits for {name_of(cause)}" for cause in waiting for it in waiting[cause]]
        self.remarks += sorted(held) + self.forks() + self.gaps()
        return sorted(accepted.values(), key=lambda it: it.order)

    def vouched_for(self):
        """The messages of authors that do not sign, and those that a signature of their author vouches for."""
        keys = {it.key[0]: it.author_key for it in self.messages.values() if it.author_key}
        vouched, named = [], set()
        # One that is vouched for vouches for the one before it, except for the first.
        for it in sorted(self.messages.values(), key=lambda it: -it.key[1]):
            author, counter, _ = it.key
            if author[6] >> 4 == 8:
                key, is_named = keys.get(author), counter > 1 and it.key in named
                if not is_named and not (key and it.signature and verifies(key, it.signed, it.signature)):
                    self.remarks.append(f"not proven: {name_of(it.key)}")
                    continue
                named.update(it.causes[:1] if counter > 1 else [])
            vouched.append(it)
        return vouched

    def forks(self):
        times = Counter(key[:2] for key in self.messages)
        return [f"fork: {times[it]} messages claim to be {name_of(it)}" for it in sorted(times) if times[it] > 1]

    def gaps(self):
        counters = {author: {counter} for author, (_, _, counter) in self.heads.items()}
        here = {key[:2] for key in self.messages}
        for author, counter in here:
            counters.setdefault(author, set()).add(counter)
        lacking = {author: max(all_of) - sum(it[0] == author for it in here) for author, all_of in counters.items()}
        return [f"gap: {lacking[it]} missing of author {UUID(bytes=it)}" for it in sorted(lacking) if lacking[it]]

    def timeline(self):
        """Payload messages in order, each with the name that its author had."""
        accepted, names = self.accepted(), defaultdict(list)
        for it in sorted(accepted, key=lambda it: (it.key[1], it.order)):
            if it.kind == PROFILE and display_name(it.payload):
                names[it.key[0]].append((it.key[1], display_name(it.payload)))
        for it in accepted:
            if it.kind == PAYLOAD:
                author, counter, _ = it.key
                yield it, next((name for at, name in reversed(names[author]) if at < counter), None)


def name_of(key):
    return f"message {key[1]} of {UUID(bytes=key[0])}"


def for_people(position, it, name):
    try:
        time = (datetime(1970, 1, 1) + timedelta(milliseconds=it.unix_ms)).isoformat(" ", "seconds")
    except OverflowError:
        time = f"{it.unix_ms} ms"
    text = as_text(it.payload)
    text = f"({len(it.payload)} bytes)" if text is None else printable(text)
    return f"{position:>6}  {time}  {printable(name or str(UUID(bytes=it.key[0]))[:8]):<10}  {text}"


def for_programs(position, it, name):
    author, counter, digest = it.key
    text = as_text(it.payload)
    files = [{"bytes": length, "id": file, "media_type": kind, "name": name} for name, kind, length, file in it.files]
    content = {"base64": base64.b64encode(it.payload).decode()} if text is None else {"text": text}
    content |= {"files": files} if files else {}
    author = str(UUID(bytes=author))
    return json.dumps({"position": position, "id": f"{author}/{counter:016x}", "author": author, "counter": counter,
                       "name": name, "lamport": it.lamport, "unix_ms": it.unix_ms, "digest": digest.hex(), **content})


def printable(text):
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--json", action="store_true", help="one object a line, as `tempo log --json` prints them")
    arguments = parser.parse_args()
    session = Session(arguments.folder)
    for position, (it, name) in enumerate(session.timeline()):
        if arguments.json:
            print(for_programs(position, it, name))
        else:
            _, latest, _ = session.heads.get(it.key[0], (None, None, 0))
            print(for_people(position, it, name or latest))
    for remark in session.remarks:
        print(printable(remark), file=sys.stderr)


if __name__ == "__main__":
    main()
