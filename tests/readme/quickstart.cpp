#include <cstdio>
#include <nibble/quant.hpp>
#include <vector>

int main() {
  std::vector<float> x(4096), y(4096);  // a 64 x 64 matrix
  for (int i = 0; i < 4096; ++i) x[i] = 0.001f * static_cast<float>(i % 1999) - 1;
  for (const char* name : {"int8", "int4/group32", "fp8_e4m3", "mxfp4", "nf4"}) {
    const nibble::Scheme scheme = nibble::ParseScheme(name);
    nibble::QuantizeDequantize(scheme, x, 64, 64, y);
    std::printf("%-12s %5.2f bits %6.2f dB\n", name, nibble::BitsPerElement(scheme, 64, 64),
                nibble::Compare(x, y).sqnr_db);
  }
}
