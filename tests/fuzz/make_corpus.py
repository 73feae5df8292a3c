#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets into corpus/, always the same."""
import gzip
import io
import json
import pathlib
import struct
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent / "corpus"


def save(format_, name, data):
    folder = ROOT / format_
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def safetensors(tensors, metadata=None, pad=True):
    header, data = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header, separators=(",", ":")).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def npy(descr, shape, data, fortran=False, major=1):
    text = str({"descr": descr, "fortran_order": fortran, "shape": shape})
    text = text.encode() + b"\n"
    length = struct.pack("<H" if major == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([major, 0]) + length + text + data


def npz(arrays, packing, force_zip64=False):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, data in arrays.items():
            info = zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = packing
            with archive.open(info, "w", force_zip64=force_zip64) as entry:
                entry.write(data)
    return out.getvalue()


def idx(shape, data, type_=8):
    return bytes([0, 0, type_, len(shape)]) + struct.pack(
        f">{len(shape)}I", *shape) + data


def gguf_text(text):
    return struct.pack("<Q", len(text)) + text.encode()


def gguf(entries, tensors, alignment=32):
    """entries: (key, type, bytes); tensors: (name, dimensions, type, data)."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    for key, type_, value in entries:
        out += gguf_text(key) + struct.pack("<I", type_) + value
    offset = 0
    for name, dimensions, type_, data in tensors:
        out += gguf_text(name) + struct.pack("<I", len(dimensions))
        out += struct.pack(f"<{len(dimensions)}QIQ", *dimensions, type_, offset)
        offset += len(data) + -len(data) % alignment
    for *_, data in tensors:
        out += bytes(-len(out) % alignment) + data
    return out + bytes(-len(out) % alignment) if tensors else out


def main():
    two = struct.pack("<2f", 1.5, -2.0)
    save("safetensors", "empty", safetensors({}))
    save("safetensors", "f32", safetensors({"w": ("F32", [2, 1], two)}))
    save("safetensors", "metadata", safetensors(
        {"a": ("I8", [3], b"\1\2\3"), "b": ("BF16", [], b"\x80\x3f")},
        {"scheme": "int8", "k": "\u00e9"}, pad=False))
    save("safetensors", "narrow", safetensors(
        {"f4": ("F4", [2, 2], b"\x21\xf7"),
         "f6": ("F6_E2M3", [4], b"\xc1\x0f\xfc"),
         "f8": ("F8_E4M3", [2], b"\x7f\x38"), "s": ("F8_E8M0", [1], b"\x7f"),
         "none": ("F64", [0, 7], b"")}))

    save("npy", "f4", npy("<f4", (2,), two))
    save("npy", "fortran", npy(">i2", (2, 3), bytes(range(12)), fortran=True))
    save("npy", "scalar", npy("|b1", (), b"\1", major=2))
    save("npy", "version3", npy("<f2", (0, 4), b"", major=3))

    arrays = {"a": npy("|u1", (2,), b"\3\1"), "b": npy("<f4", (2,), two)}
    save("npz", "stored", npz(arrays, zipfile.ZIP_STORED))
    save("npz", "deflated", npz(arrays, zipfile.ZIP_DEFLATED))
    save("npz", "zip64", npz({"a": arrays["a"]}, zipfile.ZIP_DEFLATED, True))
    save("npz", "empty", npz({}, zipfile.ZIP_STORED))

    words = struct.pack("<IQ", 8, 2) + gguf_text("a") + gguf_text("bc")
    nested = struct.pack("<IQIQd", 9, 1, 12, 1, 0.5)
    save("gguf", "empty", gguf([], []))
    save("gguf", "values", gguf(
        [("u8", 0, b"\7"), ("i16", 3, b"\1\2"), ("f32", 6, two[:4]),
         ("bool", 7, b"\1"), ("text", 8, gguf_text("bitnet")),
         ("words", 9, words), ("nested", 9, nested),
         ("u64", 10, bytes(8)), ("f64", 12, bytes(8))], []))
    save("gguf", "aligned", gguf(
        [("general.alignment", 4, struct.pack("<I", 8))],
        [("w", [2, 1], 0, two), ("b", [3], 30, bytes(6))], 8))
    save("gguf", "blocks", gguf(
        [], [("tq1_0", [256], 34, bytes(54)), ("tq2_0", [256], 35, bytes(66)),
             ("q4_0", [32, 2], 2, bytes(36)), ("i2_s", [64, 2], 36, bytes(64))]))

    images = idx([2, 2, 3], bytes(range(12)))
    save("idx", "images", images)
    save("idx", "labels", idx([3], b"\7\2\1"))
    save("idx", "gzipped", gzip.compress(images, mtime=0))
    save("idx", "members", gzip.compress(images[:5], mtime=0) +
         gzip.compress(images[5:], mtime=0))

    record = bytes([7]) + bytes(i % 256 for i in range(3072))
    save("cifar10", "one", b"\xff" + record)
    save("cifar10", "two_of_which_one", b"\1" + record + record)

    line = ",".join(str(i % 17) for i in range(64)) + ",%d\n"
    lines = ((line % 3) + (line % 9).replace("\n", "\r\n")).encode()
    save("digits", "lines", lines)
    save("digits", "gzipped", gzip.compress(lines, mtime=0))


main()
