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


class FlatBuffer:
    """Writes tables before what they refer to, as the format asks for."""
    SIZES = {"b": 1, "B": 1, "i": 4, "I": 4, "f": 4}

    def __init__(self, type_):
        self.out = bytearray(4) + type_

    def _pad(self, size, ahead=0):
        self.out += b"\0" * (-(len(self.out) + ahead) % size)

    def _refer(self, at, target):
        struct.pack_into("<I", self.out, at, target - at)

    def table(self, fields):
        """fields: {id: ("i", number)} or {id: function that writes and returns
        where}."""
        entries, size = {}, 4
        for id_, field in fields.items():
            width = 4 if callable(field) else self.SIZES[field[0]]
            size += -size % width
            entries[id_] = size
            size += width
        count = max(fields, default=-1) + 1
        self._pad(4, 4 + 2 * count)
        vtable = len(self.out)
        self.out += struct.pack(f"<{2 + count}H", 4 + 2 * count, size,
                                *(entries.get(i, 0) for i in range(count)))
        at = len(self.out)
        self.out += struct.pack("<i", at - vtable) + bytes(size - 4)
        for id_, field in fields.items():
            if not callable(field):
                struct.pack_into("<" + field[0], self.out, at + entries[id_],
                                 field[1])
        for id_, field in fields.items():
            if callable(field):
                self._refer(at + entries[id_], field())
        return at

    def vector(self, format_, values):
        def write():
            self._pad(4)
            if format_ == "q":
                self._pad(8, 4)
            at = len(self.out)
            self.out += struct.pack(f"<I{len(values)}{format_}", len(values),
                                    *values)
            return at
        return write

    def text(self, text):
        return self.vector("B", text.encode())

    def tables(self, all_fields):
        def write():
            self._pad(4)
            at = len(self.out)
            self.out += struct.pack("<I", len(all_fields))
            self.out += bytes(4 * len(all_fields))
            for i, fields in enumerate(all_fields):
                self._refer(at + 4 + 4 * i, self.table(fields))
            return at
        return write

    def one(self, fields):
        return lambda: self.table(fields)

    def finish(self, fields):
        self._refer(0, self.table(fields))
        return bytes(self.out)


INT8, INT32 = 9, 2


def tflite(tensors, operators, codes, inputs, outputs):
    """tensors: (type, shape, data or None, scales, zero points, axis);
    operators: (index of code, inputs, outputs, options' type, options)."""
    fb = FlatBuffer(b"TFL3")
    datas, all_tensors = [{}], []
    for i, (type_, shape, data, scales, zeros, axis) in enumerate(tensors):
        fields = {0: fb.vector("i", shape), 1: ("b", type_),
                  3: fb.text(f"t{i}")}
        if data is not None:
            fields[2] = ("I", len(datas))
            format_ = "b" if type_ == INT8 else "i"
            datas.append({0: fb.vector(
                "B", struct.pack(f"<{len(data)}{format_}", *data))})
        if scales:
            fields[4] = fb.one({2: fb.vector("f", scales),
                                3: fb.vector("q", zeros), 6: ("i", axis)})
        all_tensors.append(fields)
    all_operators = []
    for code, ins, outs, type_, options in operators:
        fields = {0: ("I", code), 1: fb.vector("i", ins),
                  2: fb.vector("i", outs)}
        if type_:
            fields[3] = ("B", type_)
            fields[4] = fb.one(options)
        all_operators.append(fields)
    return fb.finish({
        0: ("I", 3), 1: fb.tables(codes),
        2: fb.tables([{0: fb.tables(all_tensors), 1: fb.vector("i", inputs),
                       2: fb.vector("i", outputs),
                       3: fb.tables(all_operators)}]),
        3: fb.text("seed"), 4: fb.tables(datas)})


def small_tflite():
    """Every operator once: 4x4x2 pixels to 3 classes."""
    def activations(shape, scale, zero):
        return (INT8, shape, None, [scale], [zero], 0)

    def weights(shape, count, axis):
        size = 1
        for n in shape:
            size *= n
        return (INT8, shape, [(i * 37 + 11) % 255 - 127 for i in range(size)],
                [0.01 + 0.002 * i for i in range(count)], [0] * count, axis)

    def bias(count):
        return (INT32, [count], [50 * i - 60 for i in range(count)], [], [], 0)

    return tflite(
        [activations([1, 4, 4, 2], 0.5, -128), weights([3, 3, 3, 2], 3, 0),
         bias(3), activations([1, 4, 4, 3], 0.25, -128),
         weights([1, 3, 3, 3], 3, 3), bias(3),
         activations([1, 4, 4, 3], 0.3, 4), activations([1, 4, 4, 3], 0.4, 0),
         activations([1, 1, 1, 3], 0.4, 0), (INT32, [2], [-1, 3], [], [], 0),
         activations([1, 3], 0.4, 0), weights([3, 3], 1, 0), bias(3),
         activations([1, 3], 0.2, 24), activations([1, 3], 1 / 256, -128)],
        [(0, [0, 1, 2], [3], 1, {1: ("i", 1), 2: ("i", 1), 3: ("b", 1)}),
         (1, [3, 4, 5], [6], 2,
          {1: ("i", 1), 2: ("i", 1), 3: ("i", 1), 4: ("b", 0)}),
         (2, [3, 6], [7], 11, {0: ("b", 3)}),
         (3, [7], [8], 5, {1: ("i", 4), 2: ("i", 4), 3: ("i", 4),
                           4: ("i", 4), 5: ("b", 0)}),
         (4, [8, 9], [10], 0, {}), (5, [10, 11, 12], [13], 8, {0: ("b", 0)}),
         (6, [13], [14], 9, {0: ("f", 1.0)})],
        [{0: ("b", c), 3: ("i", c)} for c in (3, 4, 0, 1, 22, 9, 25)],
        [0], [14])


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
    save("tflite", "small", small_tflite())
    save("tflite", "linear", tflite(
        [(INT8, [1, 2], None, [0.5], [3], 0), (INT8, [2, 2], [1, -2, 3, -4],
                                               [0.1], [0], 0),
         (INT8, [1, 2], None, [0.25], [-1], 0)],
        [(0, [0, 1, -1], [2], 8, {0: ("b", 1)})], [{0: ("b", 9)}], [0], [2]))
    save("labels", "kws", b"a_1.bin,12,7\r\nb.bin, 12, 255 \n\n")
    save("labels", "numbers", b"1\n0\n3")
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
