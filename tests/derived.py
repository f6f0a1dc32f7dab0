"""Films of every odd kind, each written by a function; one home for tests that compare stages."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from films import (
    HEIGHT,
    WIDTH,
    add_cover,
    corners,
    make_hole,
    mux_silence,
    numbered,
    packets,
    set_matrix,
    turn,
    write_film,
    write_sound,
)

COUNT = 40
SHORT_GOP = {"g": "10", "bf": "0", "sc_threshold": "0"}
KEY = "00112233445566778899aabbccddeeff"


def write_noisy(path: Path, **settings: object) -> Path:
    """Pictures that take many bytes, so that a hole in the file meets some."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (48, 64, 3)).astype(np.uint8) for _ in range(COUNT)]
    return write_film(path, range(COUNT), pictures=pictures, **settings)  # type: ignore[arg-type]


def write_encrypted(path: Path, scheme: str = "cenc-aes-ctr") -> Path:
    """Common Encryption of MP4."""
    options = {"encryption_scheme": scheme, "encryption_key": KEY, "encryption_kid": KEY}
    return write_film(path, range(COUNT), container_options=options)


def scramble(path: Path) -> Path:
    """Sets the bits of a transport stream that tell of encryption, and changes the pictures."""
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 188):
        if (data[at + 1] & 0x1F) << 8 | data[at + 2] == 0x100:
            data[at + 3] |= 0x80
            data[at + 12 : at + 188] = bytes(byte ^ 0x5A for byte in data[at + 12 : at + 188])
    path.write_bytes(data)
    return path


def truncate(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    return path


def cut_transport_stream(path: Path, after: int) -> Path:
    """Leaves its tables, and its packets from a picture on."""
    data, start = path.read_bytes(), packets(path)[after][0]
    path.write_bytes(data[: 188 * 3] + data[start:])
    return path


def write_song(path: Path) -> Path:
    """Sound with a cover picture."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = WIDTH, HEIGHT, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(corners(), format="rgb24").reformat(format="yuvj420p")
        frame.pts, frame.time_base = 0, Fraction(1)
        for packet in [*cover.encode(frame), *cover.encode(None)]:
            container.mux(packet)
        mux_silence(container, sound, 0.5)
    return path


def write_two_streams(path: Path) -> Path:
    """Two video streams: the larger one is the film."""
    with av.open(str(path), "w") as container:
        streams = []
        for scale in (1, 2):
            stream = container.add_stream("libx264", rate=30, options={"bf": "0"})
            stream.width, stream.height = scale * WIDTH, scale * HEIGHT
            stream.pix_fmt = "yuv420p"
            streams.append(stream)
        for n in range(COUNT):
            for scale, stream in zip((1, 2), streams, strict=True):
                picture = numbered(n, scale * WIDTH, scale * HEIGHT)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = n, Fraction(1, 30)
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    return path


def copy_from(path: Path, out: Path, first: int) -> Path:
    """The packets of a film from one on, in file order, with their times."""
    with av.open(str(path)) as reader, av.open(str(out), "w") as writer:
        source = reader.streams.video[0]
        copy = writer.add_stream_from_template(source)
        chosen = [packet for packet in reader.demux(source) if packet.size][first:]
        for packet in chosen:
            packet.stream = copy
            writer.mux(packet)
    return out


def write_open_gop(path: Path) -> Path:
    """Begins with a key picture whose leading pictures rest on pictures before it."""
    whole = path.with_stem("whole")
    options = {"x264-params": "open-gop=1:keyint=15:min-keyint=15:scenecut=0:bframes=3:b-adapt=0"}
    write_film(whole, range(60), options=options)
    with av.open(str(whole)) as container:
        keys = [n for n, p in enumerate(p for p in container.demux(video=0) if p.size)
                if p.is_keyframe]  # fmt: skip
    copy_from(whole, path, keys[1])
    whole.unlink()
    return path


def write_sizes(path: Path, width: int, height: int) -> Path:
    pictures = [numbered(n, width, height) for n in range(COUNT)]
    return write_film(path, range(COUNT), pictures=pictures, codec="ffv1", pixels="yuv444p")


def write_interlaced(path: Path) -> Path:
    pictures = [numbered(n, 128, 96) for n in range(COUNT)]
    return write_film(path, range(COUNT), pictures=pictures, options={"x264-params": "tff=1"})


def write_hdr(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=30, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = 16, 9, 9
        for n in range(COUNT):
            frame = av.VideoFrame.from_ndarray(numbered(n), format="rgb24")
            frame = frame.reformat(format="yuv420p10le")
            frame.pts, frame.time_base = n, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_raw(path: Path) -> Path:
    """YUV4MPEG2: a line of text, then pictures without compression."""
    frames = [
        av.VideoFrame.from_ndarray(numbered(n), format="rgb24").reformat(format="yuv420p")
        for n in range(COUNT)
    ]
    pictures = b"".join(b"FRAME\n" + frame.to_ndarray().tobytes() for frame in frames)
    path.write_bytes(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg\n".encode() + pictures)
    return path


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


ENCRYPTED = "the film is encrypted"
DAMAGED = "the film is damaged or truncated"
BETWEEN = "the film begins between two key pictures"
DERIVED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "plain.mp4": (lambda p: write_film(p, range(COUNT)), ""),
    "b_pictures.mkv": (lambda p: write_film(p, range(COUNT), options={"bf": "3"}), ""),
    "one_a_second.mp4": (lambda p: write_film(p, range(0, 300, 30)), ""),
    "one_picture.mp4": (lambda p: write_film(p, [0]), ""),
    "variable.mkv": (lambda p: write_film(p, [0, 1, 2, 7, 8, 20, 21, 40]), ""),
    "late.mkv": (lambda p: write_film(p, range(90, 90 + COUNT)), ""),
    "long_sound.mp4": (lambda p: write_film(p, range(COUNT), audio_seconds=3), ""),
    "with_cover.mkv": (lambda p: add_cover(write_film(p, range(COUNT))).replace(p), ""),
    "song.mp4": (write_song, "the file has no video but a cover picture"),
    "sound.mp4": (write_sound, "the file has no video"),
    "cenc.mp4": (write_encrypted, ENCRYPTED),
    "scrambled.ts": (
        lambda p: scramble(write_film(p, range(COUNT), codec="mpeg2video")), ENCRYPTED,
    ),
    "truncated.mkv": (lambda p: truncate(write_noisy(p)), DAMAGED),
    "truncated.webm": (lambda p: truncate(write_noisy(p, codec="libvpx-vp9")), DAMAGED),
    "truncated.avi": (lambda p: truncate(write_noisy(p, codec="mpeg4")), DAMAGED),
    "truncated.mp4": (lambda p: truncate(write_noisy(p)), "the film's index cannot be read"),
    "truncated_start.mp4": (
        lambda p: truncate(write_noisy(p, container_options={"movflags": "faststart"})), DAMAGED,
    ),
    "truncated.ts": (lambda p: truncate(write_noisy(p, options=SHORT_GOP)), DAMAGED),
    "zeros.mkv": (lambda p: make_hole(write_noisy(p)), DAMAGED),
    "zeros.mp4": (lambda p: make_hole(write_noisy(p)), DAMAGED),
    "zeros.webm": (lambda p: make_hole(write_noisy(p, codec="libvpx-vp9")), DAMAGED),
    "zeros.ts": (lambda p: make_hole(write_noisy(p)), DAMAGED),
    "zeros.avi": (lambda p: make_hole(write_noisy(p, codec="mpeg4")), DAMAGED),
    "rotated.mp4": (lambda p: turn(write_film(p, range(COUNT)), 90), ""),
    "mirrored.mp4": (lambda p: set_matrix(write_film(p, range(COUNT)), (-1, 0, 0, 1)), ""),
    "tilted.mp4": (lambda p: set_matrix(write_film(p, range(COUNT)), (0.7, 0.7, -0.7, 0.7)), ""),
    "hdr.mkv": (write_hdr, ""),
    "interlaced.mkv": (write_interlaced, ""),
    "open_gop.mkv": (write_open_gop, BETWEEN),
    "between_keys.ts": (
        lambda p: cut_transport_stream(write_film(p, range(COUNT), options=SHORT_GOP), 5), BETWEEN,
    ),
    "odd_size.mkv": (lambda p: write_sizes(p, 63, 47), ""),
    "one_pixel.mkv": (lambda p: write_sizes(p, 1, 1), ""),
    "elongated.mkv": (lambda p: write_sizes(p, 400, 8), "pictures too elongated for a detector"),
    "wide_pixels.mp4": (
        lambda p: write_film(p, range(COUNT), aspect=Fraction(1, 50)),
        "the file gives its pixels a shape beyond reason",
    ),
    "anamorphic.mp4": (lambda p: write_film(p, range(COUNT), aspect=Fraction(4, 3)), ""),
    "two_streams.mkv": (write_two_streams, ""),
    "xvid.avi": (lambda p: write_film(p, range(COUNT), codec="mpeg4"), ""),
    "raw_y4m.avi": (write_raw, ""),
    "animated_gif.mp4": (
        lambda p: write_film(
            p.with_suffix(".gif"), range(COUNT), codec="gif", pixels="rgb8"
        ).replace(p), "",
    ),
    "standing.mkv": (lambda p: write_film(p, [*range(20), *range(3000, 3020)]), ""),
    "text.mp4": (lambda p: write_bytes(p, b"<html>not found</html>\n"), "a text file, not a film"),
    "empty.mp4": (lambda p: write_bytes(p, b""), "the film is empty"),
    "noise.mp4": (
        lambda p: write_bytes(p, bytes(range(256)) * 40), "not a film that FFmpeg can read",
    ),
    "joined.ts": (
        lambda p: write_bytes(p, 2 * write_film(p, range(60), codec="mpeg2video").read_bytes()),
        "the film's times begin again",
    ),
}  # fmt: skip
"""By file name: what writes it, and the beginning of why it is refused; "" where it is accepted."""
