"""What a GGUF file says of itself, read without its weights and without a runtime.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. (The package ``gguf`` takes 8 s for a
vocabulary of 152,000 words, which a visitor would wait for; the tests write their files with it.)
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

NUMBERS = ("<B", "<b", "<H", "<h", "<I", "<i", "<f", "<?", "", "", "<Q", "<q", "<d")  # by type; two are none
TEXT, ARRAY = 8, 9


def metadata(path: Path, *keys: str) -> dict[str, object]:
    """The values of those ``keys`` that the file has. Raises ValueError when it is no GGUF file, OSError."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:4] != b"GGUF":
            raise ValueError(f"{path.name} is no GGUF file")
        try:
            return _found(_Reader(data), set(keys))
        except (struct.error, IndexError) as error:
            raise ValueError(f"{path.name} is damaged") from error


def _found(reader: _Reader, wanted: set[str]) -> dict[str, object]:
    reader.number("<I")  # the version of the format
    reader.number("<Q")  # how many tensors
    found: dict[str, object] = {}
    for _ in range(reader.number("<Q")):
        key, value = reader.text(), reader.value(reader.number("<I"))
        if key in wanted:
            found[key] = value
        if len(found) == len(wanted):
            break
    return found


class _Reader:
    def __init__(self, data: mmap.mmap):
        self._data, self._at = data, 4

    def _skip(self, size_bytes: int) -> int:
        """Where the next ``size_bytes`` begin. Raises IndexError when the file ends before they do."""
        start, self._at = self._at, self._at + size_bytes
        if self._at > len(self._data):
            raise IndexError
        return start

    def number(self, form: str):
        return struct.unpack_from(form, self._data, self._skip(struct.calcsize(form)))[0]

    def text(self) -> str:
        start = self._skip(self.number("<Q"))
        return self._data[start : self._at].decode(errors="replace")

    def value(self, kind: int):
        if kind == TEXT:
            return self.text()
        if kind != ARRAY:
            return self.number(NUMBERS[kind])
        kind, count = self.number("<I"), self.number("<Q")
        if kind in (TEXT, ARRAY):
            return [self.value(kind) for _ in range(count)]
        start = self._skip(count * struct.calcsize(NUMBERS[kind]))
        return struct.unpack_from(f"<{count}{NUMBERS[kind][1]}", self._data, start)
