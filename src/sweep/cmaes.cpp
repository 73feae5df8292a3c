#include "nibble/sweep/cmaes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace nibble::sweep {
namespace {

// The strategy's constants; names and defaults are the tutorial's.
struct Constants {
  explicit Constants(std::size_t dimensions)
      : n(static_cast<double>(dimensions)),
        lambda(4 + static_cast<std::size_t>(3 * std::log(n))),
        mu(lambda / 2) {
    for (std::size_t i = 0; i < mu; ++i) {
      weights.push_back(std::log(static_cast<double>(lambda + 1) / 2) -
                        std::log(static_cast<double>(i + 1)));
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    double squares = 0;
    for (double& w : weights) {
      w /= sum;
      squares += w * w;
    }
    mu_eff = 1 / squares;
    c_sigma = (mu_eff + 2) / (n + mu_eff + 5);
    d_sigma =
        1 + c_sigma + 2 * std::max(0.0, std::sqrt((mu_eff - 1) / (n + 1)) - 1);
    c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n);
    c_1 = 2 / ((n + 1.3) * (n + 1.3) + mu_eff);
    c_mu = std::min(
        1 - c_1, 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) * (n + 2) + mu_eff));
    chi = std::sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
  }

  double n;
  std::size_t lambda, mu;
  std::vector<double> weights;
  double mu_eff, c_sigma, d_sigma, c_c, c_1, c_mu, chi;
};

struct Child {
  std::vector<double> z, y, x;  // x = mean + sigma * y, y = L z
  double value = 0;
};

class Strategy {
 public:
  Strategy(std::span<const double> mean, std::span<const double> scale)
      : n_(mean.size()),
        k_(n_),
        mean_(mean.begin(), mean.end()),
        covariance_(n_ * n_, 0.0),
        factor_(n_ * n_, 0.0),
        path_sigma_(n_, 0.0),
        path_c_(n_, 0.0),
        children_(k_.lambda) {
    for (std::size_t i = 0; i < n_; ++i) {
      covariance_[i * n_ + i] = scale[i] * scale[i];
      factor_[i * n_ + i] = scale[i];
    }
  }

  void Draw(Random& random) {
    for (Child& child : children_) {
      child.z.resize(n_);
      child.y.assign(n_, 0);
      child.x = mean_;
      for (double& z : child.z) z = random.Bell();
      for (std::size_t i = 0; i < n_; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
          child.y[i] += factor_[i * n_ + j] * child.z[j];
        }
        child.x[i] += sigma_ * child.y[i];
      }
    }
  }

  std::vector<Child>& children() { return children_; }

  // Best children first. False where the strategy has collapsed.
  bool Update() {
    std::vector<double> z(n_, 0), y(n_, 0);
    for (std::size_t i = 0; i < k_.mu; ++i) {
      for (std::size_t j = 0; j < n_; ++j) {
        z[j] += k_.weights[i] * children_[i].z[j];
        y[j] += k_.weights[i] * children_[i].y[j];
      }
    }
    double length = 0;
    for (std::size_t j = 0; j < n_; ++j) {
      mean_[j] += sigma_ * y[j];
      path_sigma_[j] =
          (1 - k_.c_sigma) * path_sigma_[j] +
          std::sqrt(k_.c_sigma * (2 - k_.c_sigma) * k_.mu_eff) * z[j];
      length += path_sigma_[j] * path_sigma_[j];
    }
    length = std::sqrt(length);
    ++generation_;
    const double grown =
        1 - std::pow(1 - k_.c_sigma, 2 * static_cast<double>(generation_));
    const bool moves =
        length / std::sqrt(grown) < (1.4 + 2 / (k_.n + 1)) * k_.chi;
    for (std::size_t j = 0; j < n_; ++j) {
      path_c_[j] *= 1 - k_.c_c;
      if (moves) {
        path_c_[j] += std::sqrt(k_.c_c * (2 - k_.c_c) * k_.mu_eff) * y[j];
      }
    }
    UpdateCovariance(moves);
    sigma_ *= std::exp(k_.c_sigma / k_.d_sigma * (length / k_.chi - 1));
    return Factorize() && sigma_ > 1e-18 && sigma_ < 1e18;
  }

 private:
  void UpdateCovariance(bool moves) {
    const double lost = moves ? 0 : k_.c_c * (2 - k_.c_c);
    for (std::size_t a = 0; a < n_; ++a) {
      for (std::size_t b = 0; b <= a; ++b) {
        double& c = covariance_[a * n_ + b];
        double rank_mu = 0;
        for (std::size_t i = 0; i < k_.mu; ++i) {
          rank_mu += k_.weights[i] * children_[i].y[a] * children_[i].y[b];
        }
        c = (1 - k_.c_1 - k_.c_mu + k_.c_1 * lost) * c +
            k_.c_1 * path_c_[a] * path_c_[b] + k_.c_mu * rank_mu;
      }
    }
  }

  // covariance = factor * factor^T.
  bool Factorize() {
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = covariance_[i * n_ + j];
        for (std::size_t k = 0; k < j; ++k) {
          sum -= factor_[i * n_ + k] * factor_[j * n_ + k];
        }
        if (i == j && !(sum > 0)) return false;
        factor_[i * n_ + j] =
            i == j ? std::sqrt(sum) : sum / factor_[j * n_ + j];
      }
    }
    return true;
  }

  std::size_t n_;
  Constants k_;
  double sigma_ = 1;
  std::size_t generation_ = 0;
  std::vector<double> mean_, covariance_, factor_, path_sigma_, path_c_;
  std::vector<Child> children_;
};

}  // namespace

double Random::Bell() {
  const std::uint64_t bits = Bits();
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    sum += static_cast<double>(bits >> (16 * i) & 0xFFFF);
  }
  // Four uniform numbers on [0, 1): mean 2, variance 1/3.
  return (sum * 0x1p-16 - 2) * 1.7320508075688772;
}

Minimum MinimizeCma(const std::function<double(std::span<const double>)>& f,
                    std::span<const double> mean, std::span<const double> scale,
                    const CmaOptions& options, Random& random) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const auto value_at = [&](std::span<const double> x) {
    const double value = f(x);
    return value < kInf ? value : kInf;
  };
  Minimum best{{mean.begin(), mean.end()}, value_at(mean)};
  Strategy strategy(mean, scale);
  for (std::size_t g = 0; g < options.generations; ++g) {
    if (best.value <= options.stop) break;
    strategy.Draw(random);
    auto& children = strategy.children();
    for (Child& child : children) child.value = value_at(child.x);
    std::ranges::stable_sort(children, {}, &Child::value);
    if (children[0].value < best.value) {
      best = {children[0].x, children[0].value};
    }
    if (!strategy.Update()) break;
  }
  return best;
}

}  // namespace nibble::sweep
