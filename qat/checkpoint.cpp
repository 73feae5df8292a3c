#include "nibble/qat/checkpoint.hpp"

#include <cstring>

#include "nibble/core/check.hpp"
#include "nibble/io/safetensors.hpp"

namespace nibble::qat {
namespace {

constexpr const char* kConfiguration = "nibble:training";
constexpr std::size_t kFields = 7;  // of an EpochRecord

std::vector<double> Flat(const EpochRecord& r) {
  return {r.epoch,          r.step,          r.rate,
          r.loss,           r.train_accuracy, r.test_accuracy,
          r.images_per_second};
}

EpochRecord RecordOf(const double* v) {
  return {v[0], v[1], v[2], v[3], v[4], v[5], v[6]};
}

// The tensor's values as they lie there.
template <class T>
std::vector<T> Values(const io::SafeTensors& file, const std::string& name,
                      const std::string& path) {
  const io::TensorView& view = file.Get(name);
  if (view.dtype != io::DtypeOf<T>()) {
    throw InputError(path, "tensor " + name, view.dtype,
                     std::string(io::DtypeOf<T>()));
  }
  std::vector<T> out(view.count());
  if (!out.empty()) std::memcpy(out.data(), view.data.data(), view.data.size());
  return out;
}

}  // namespace

void SaveCheckpoint(const std::filesystem::path& file,
                    const Checkpoint& checkpoint,
                    const std::string& configuration) {
  const TrainState& s = checkpoint.state;
  const std::vector<std::uint64_t> step = {s.step};
  const std::vector<double> sums = {checkpoint.loss, checkpoint.correct,
                                    checkpoint.images};
  std::vector<double> history;
  for (const EpochRecord& record : checkpoint.history) {
    const auto flat = Flat(record);
    history.insert(history.end(), flat.begin(), flat.end());
  }
  const auto floats = [](const char* name, const std::vector<float>& values) {
    return io::ViewOf<float>(name, {values.size()}, values);
  };
  const io::TensorView tensors[] = {
      floats("parameters", s.parameters), floats("optimizer", s.optimizer),
      floats("moments", s.moments), floats("quantizer", s.quantizer),
      io::ViewOf<double>("epoch", {sums.size()}, sums),
      io::ViewOf<double>("history", {checkpoint.history.size(), kFields},
                         history),
      io::ViewOf<std::uint64_t>("step", {1}, step)};
  io::Write(file, tensors, {{kConfiguration, configuration}});
}

Checkpoint LoadCheckpoint(const std::filesystem::path& file,
                          const std::string& configuration) {
  const io::SafeTensors tensors = io::SafeTensors::Open(file);
  const std::string path = file.string();
  const auto found = tensors.metadata().find(kConfiguration);
  if (found == tensors.metadata().end()) {
    throw InputError(path + ": is no checkpoint of a training run");
  }
  if (found->second != configuration) {
    throw InputError(path, "configuration", "\n  " + found->second + "\n",
                     "\n  " + configuration);
  }
  Checkpoint out;
  TrainState& s = out.state;
  s.parameters = Values<float>(tensors, "parameters", path);
  s.optimizer = Values<float>(tensors, "optimizer", path);
  s.moments = Values<float>(tensors, "moments", path);
  s.quantizer = Values<float>(tensors, "quantizer", path);
  const auto sums = Values<double>(tensors, "epoch", path);
  const auto history = Values<double>(tensors, "history", path);
  const auto step = Values<std::uint64_t>(tensors, "step", path);
  if (sums.size() != 3 || step.size() != 1 || history.size() % kFields != 0) {
    throw InputError(path + ": a tensor has a wrong size");
  }
  s.step = step[0];
  out.loss = sums[0], out.correct = sums[1], out.images = sums[2];
  for (std::size_t i = 0; i < history.size(); i += kFields) {
    out.history.push_back(RecordOf(&history[i]));
  }
  return out;
}

}  // namespace nibble::qat
