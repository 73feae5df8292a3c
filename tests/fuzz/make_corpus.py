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


def llama2c(dim, hidden, layers, heads, kv_heads, vocab, context):
    kv = dim // heads * kv_heads
    floats = (abs(vocab) * dim * (2 if vocab < 0 else 1) + layers *
              (2 * dim + 2 * dim * dim + 2 * kv * dim + 3 * hidden * dim) +
              dim + context * (dim // heads))
    return struct.pack("<7i", dim, hidden, layers, heads, kv_heads, vocab,
                       context) + struct.pack(f"<{floats}f", *range(floats))


def tokenizer(pieces):
    names = ["<unk>", "\n<s>\n", "\n</s>\n"]
    names += [f"<0x{i:02X}>" for i in range(256)]
    out = struct.pack("<i", 7)
    for score, name in [(0, n) for n in names] + pieces:
        data = name.encode()
        out += struct.pack("<fi", score, len(data)) + data
    return out


def config(**more):
    return json.dumps({"model_type": "llama", "hidden_act": "silu",
                       "vocab_size": 512, "hidden_size": 64,
                       "intermediate_size": 172, "num_hidden_layers": 5,
                       "num_attention_heads": 8, **more}).encode()


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

    save("llama2c", "tied", llama2c(4, 3, 1, 2, 1, 5, 6))
    save("llama2c", "own_classifier", llama2c(2, 1, 2, 1, 1, -3, 1))

    save("llama_config", "plain", config())
    save("llama_config", "all", config(
        num_key_value_heads=4, head_dim=8, max_position_embeddings=512,
        rope_theta=1e4, rms_norm_eps=1e-5, rope_scaling=None,
        tie_word_embeddings=True, attention_bias=False, mlp_bias=False))
    save("llama_config", "index", json.dumps({
        "metadata": {"total_size": 4}, "weight_map": {
            "a": "model-00001-of-00002.safetensors",
            "b": "model-00002-of-00002.safetensors"}}).encode())

    pieces = [(-1.0, " "), (-2.0, "a"), (-3.0, "b"), (-0.5, "ab"),
              (-0.25, " a"), (-4.0, "\u00e9"), (-0.25, "ba")]
    text = "abba \u00e9\u20ac\n".encode()
    save("tokenizer", "pieces", bytes([len(text)]) + tokenizer(pieces) + text)
    save("tokenizer", "bytes", b"\3" + tokenizer([]) + b"\xff\0a")


main()
