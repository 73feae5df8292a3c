// A llama2.c file run in double, straight from its bytes: written from the
// architecture's definition, and sharing nothing with nn/ or io/.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace nibble::testing {

class LlamaReference {
 public:
  // What becomes of a linear layer's input: (name such as "wq", values).
  using Hook = std::function<void(const std::string&, std::vector<double>&)>;

  explicit LlamaReference(std::span<const std::byte> file) {
    std::int32_t header[7];
    std::memcpy(header, file.data(), sizeof(header));
    dim = Size(header[0]), hidden = Size(header[1]), layers = Size(header[2]);
    heads = Size(header[3]), kv_heads = Size(header[4]);
    vocab = Size(std::abs(header[5])), context = Size(header[6]);
    head = dim / heads, kv = head * kv_heads;
    at_ = file.data() + sizeof(header);
    embedding = Take(vocab * dim);
    norm1 = Take(layers * dim);
    wq = Take(layers * dim * dim);
    wk = Take(layers * kv * dim);
    wv = Take(layers * kv * dim);
    wo = Take(layers * dim * dim);
    norm2 = Take(layers * dim);
    w1 = Take(layers * hidden * dim);
    w2 = Take(layers * dim * hidden);
    w3 = Take(layers * hidden * dim);
    norm = Take(dim);
    Take(context * head);  // tables of the rotary embedding
    classifier = header[5] < 0 ? Take(vocab * dim) : embedding;
  }

  // Logits [tokens, vocab].
  std::vector<double> Run(const std::vector<int>& tokens,
                          const Hook& hook = {}) const {
    std::vector<double> logits;
    std::vector<std::vector<double>> keys(layers), values(layers);
    for (std::size_t pos = 0; pos < tokens.size(); ++pos) {
      std::vector<double> x(dim);
      for (std::size_t i = 0; i < dim; ++i) {
        x[i] = embedding[static_cast<std::size_t>(tokens[pos]) * dim + i];
      }
      for (std::size_t l = 0; l < layers; ++l) {
        auto h = Norm(x, &norm1[l * dim]);
        auto q = Times("wq", &wq[l * dim * dim], h, dim, hook);
        auto k = Times("wk", &wk[l * kv * dim], h, kv, hook);
        const auto v = Times("wv", &wv[l * kv * dim], h, kv, hook);
        Turn(q, pos);
        Turn(k, pos);
        keys[l].insert(keys[l].end(), k.begin(), k.end());
        values[l].insert(values[l].end(), v.begin(), v.end());
        const auto a = Attend(q, keys[l], values[l], pos + 1);
        Add(x, Times("wo", &wo[l * dim * dim], a, dim, hook));
        h = Norm(x, &norm2[l * dim]);
        auto g = Times("w1", &w1[l * hidden * dim], h, hidden, hook);
        const auto u = Times("w3", &w3[l * hidden * dim], h, hidden, hook);
        for (std::size_t i = 0; i < hidden; ++i) {
          g[i] = g[i] / (1 + std::exp(-g[i])) * u[i];
        }
        Add(x, Times("w2", &w2[l * dim * hidden], g, dim, hook));
      }
      const auto y = Times("classifier", classifier.data(),
                           Norm(x, norm.data()), vocab, hook);
      logits.insert(logits.end(), y.begin(), y.end());
    }
    return logits;
  }

  std::size_t dim, hidden, layers, heads, kv_heads, vocab, context, head, kv;
  std::vector<float> embedding, norm1, wq, wk, wv, wo, norm2, w1, w2, w3, norm,
      classifier;

 private:
  static std::size_t Size(std::int32_t v) {
    return static_cast<std::size_t>(v);
  }
  std::vector<float> Take(std::size_t n) {
    std::vector<float> out(n);
    std::memcpy(out.data(), at_, 4 * n);
    at_ += 4 * n;
    return out;
  }
  static void Add(std::vector<double>& x, const std::vector<double>& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }
  std::vector<double> Norm(const std::vector<double>& x,
                           const float* weight) const {
    double squares = 0;
    for (const double v : x) squares += v * v;
    const double scale =
        1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5);
    std::vector<double> out;
    for (std::size_t i = 0; i < x.size(); ++i) {
      out.push_back(x[i] * scale * weight[i]);
    }
    return out;
  }
  static std::vector<double> Times(const char* name, const float* w,
                                   std::vector<double> x, std::size_t rows,
                                   const Hook& hook) {
    if (hook) hook(name, x);
    std::vector<double> out(rows);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        out[r] += double{w[r * x.size() + i]} * x[i];
      }
    }
    return out;
  }
  // Channels 2i and 2i + 1 of a head turn together.
  void Turn(std::vector<double>& x, std::size_t pos) const {
    for (std::size_t i = 0; i < x.size(); i += 2) {
      const double frequency = std::pow(
          10000.0, -static_cast<double>(i % head) / static_cast<double>(head));
      const double angle = static_cast<double>(pos) * frequency;
      const double a = x[i], b = x[i + 1];
      x[i] = a * std::cos(angle) - b * std::sin(angle);
      x[i + 1] = a * std::sin(angle) + b * std::cos(angle);
    }
  }
  std::vector<double> Attend(const std::vector<double>& q,
                             const std::vector<double>& k,
                             const std::vector<double>& v,
                             std::size_t n) const {
    std::vector<double> out(dim);
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t shared = h / (heads / kv_heads) * head;
      std::vector<double> p(n);
      double sum = 0, most = -1e300;
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t c = 0; c < head; ++c) {
          p[j] += q[h * head + c] * k[j * kv + shared + c];
        }
        p[j] /= std::sqrt(static_cast<double>(head));
        most = std::max(most, p[j]);
      }
      for (double& e : p) sum += e = std::exp(e - most);
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t c = 0; c < head; ++c) {
          out[h * head + c] += p[j] / sum * v[j * kv + shared + c];
        }
      }
    }
    return out;
  }

  const std::byte* at_;
};

}  // namespace nibble::testing
