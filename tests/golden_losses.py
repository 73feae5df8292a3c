#!/usr/bin/env python3
"""The ten losses of Trainer.GoldenLosses, computed in float64 by NumPy.

usage: golden_losses.py tools/data/digits.csv.gz
"""
import gzip
import sys

import numpy as np


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & 0xFFFFFFFF,
             (p0 >> 32) ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def random(seed, stream, index):
    word = (stream << 48) + index
    block = word // 4
    return philox([block & 0xFFFFFFFF, block >> 32, 0, 0], [seed, 0])[word % 4]


def main():
    rows = np.loadtxt(gzip.open(sys.argv[1], "rt"), delimiter=",")
    x, labels = rows[:, :64] / 16, rows[:, 64].astype(int)
    seed, index, layers = 1, 0, []
    for inputs, outputs, gain in ((64, 64, 6.0), (64, 10, 3.0)):
        bits = [random(seed, 1, index + i) for i in range(inputs * outputs)]
        index += inputs * outputs
        w = (np.array(bits) * 2.0**-31 - 1) * np.sqrt(gain / inputs)
        w = w.reshape(outputs, inputs)
        layers.append([w, np.zeros(outputs), np.zeros_like(w),
                       np.zeros(outputs)])
    n = len(labels)
    order = list(range(n))
    for i in range(n, 1, -1):
        j = random(seed, 2, i - 1) * i >> 32
        order[i - 1], order[j] = order[j], order[i - 1]
    for step in range(10):
        batch = order[step * 180:(step + 1) * 180]
        h = [x[batch]]
        for i, (w, b, _, _) in enumerate(layers):
            z = h[-1] @ w.T + b
            h.append(np.maximum(z, 0) if i == 0 else z)
        z = h[-1] - h[-1].max(1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
        rows_ = np.arange(len(batch))
        print(f"{-log_p[rows_, labels[batch]].mean():.7f},")
        d = np.exp(log_p)
        d[rows_, labels[batch]] -= 1
        d /= len(batch)
        rate = 0.05 * (0.999 * (1 + np.cos(np.pi * step / 10)) / 2 + 0.001)
        for i in (1, 0):
            w, b, vw, vb = layers[i]
            dw, db = d.T @ h[i] + 1e-4 * w, d.sum(0)
            d = (d @ w) * (h[i] > 0)
            vw[:], vb[:] = 0.9 * vw + dw, 0.9 * vb + db
            w -= rate * (dw + 0.9 * vw)
            b -= rate * (db + 0.9 * vb)


main()
