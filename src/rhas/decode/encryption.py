"""Signs that a film is encrypted: nothing decodes it without its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rhas.base.errors import RhasError

_TAGS = {"encv", "drmi"}  # MP4's Common Encryption, and iTunes'
_ASF_OBJECTS = tuple(
    bytes.fromhex(text)
    for text in (
        "fbb3112223bdd211b4b700a0c955fc6e",  # content encryption
        "14e68a292226174cb935dae07ee9289c",  # extended
        "b69b077aa4da124ea5ca91d38dc11a8d",  # advanced
    )
)
_HEAD_BYTES = 1 << 20
_TS_BYTES = 188


def is_encrypted_stream(stream: Any) -> bool:
    """By the name that MP4 gives to the pictures' format."""
    context = stream.codec_context
    return context is not None and context.codec_tag in _TAGS


def is_encrypted_packet(packet: Any) -> bool:
    """By what MP4 and Matroska say of a packet."""
    return packet.has_sidedata("encryption_info")


def is_encrypted_file(path: Path) -> bool:
    """By bits of the file that FFmpeg does not tell: transport streams and ASF."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")):
        return any(name in head for name in _ASF_OBJECTS)
    packets = [head[at : at + 4] for at in range(0, len(head) - 3, _TS_BYTES)]
    if len(packets) < 2 or any(packet[0] != 0x47 for packet in packets):
        return False
    return any(packet[3] & 0x80 for packet in packets)  # scrambled


def encryption_error(path: Path) -> RhasError:
    """The error of an encrypted film."""
    return RhasError(
        "the film is encrypted",
        where=str(path),
        expected="a film that any player shows",
        do="use a copy without protection: ask where the film comes from, or decrypt it with its "
        "key, of an MP4 by `ffmpeg -decryption_key KEY -i FILM -c copy NEW.mp4`",
    )
