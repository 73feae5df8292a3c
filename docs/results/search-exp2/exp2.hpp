// Made by: nibble search-function --target exp2 --domain 0,1 --ops 10 --seed 1 --rounds 9908
#include <cmath>

// 0 operations, largest relative error 0.333 on [0,1].
inline double exp2_0(double x) {
  constexpr double c0 = 0x1.555585fb055d6p+0;
  (void)x;
  return c0;
}

// 1 operations, largest relative error 0.0356 on [0,1].
inline double exp2_1(double x) {
  constexpr double c0 = 0x1.edc55af8b7637p-1;
  const double v0 = x + c0;
  return v0;
}

// 2 operations, largest relative error 0.0298 on [0,1].
inline double exp2_2(double x) {
  constexpr double c0 = 0x1.ffffb82d9d44bp-1;
  constexpr double c1 = 0x1.f0bb5664f4c67p-1;
  const double v0 = x + c0;
  const double v1 = v0 * c1;
  return v1;
}

// 3 operations, largest relative error 0.000867 on [0,1].
inline double exp2_3(double x) {
  constexpr double c0 = 0x1.b41b4aaf25446p+1;
  constexpr double c1 = 0x1.071e7740cf2a1p+3;
  constexpr double c2 = -0x1.6a09dd7c5cbacp+0;
  const double v0 = c0 - x;
  const double v1 = c1 / v0;
  const double v2 = v1 + c2;
  return v2;
}

// 4 operations, largest relative error 0.000217 on [0,1].
inline double exp2_4(double x) {
  constexpr double c0 = -0x1.9205f80dea118p+2;
  constexpr double c1 = 0x1.b808cb814f1a8p+3;
  constexpr double c2 = 0x1.306fe067173c3p+0;
  const double v0 = x + c0;
  const double v1 = c1 / v0;
  const double v2 = v1 + c2;
  const double v3 = v2 * v2;
  return v3;
}

// 5 operations, largest relative error 4.34e-06 on [0,1].
inline double exp2_5(double x) {
  constexpr double c0 = -0x1.98d84ecd819e6p+4;
  constexpr double c1 = -0x1.1acf291a79f67p+3;
  constexpr double c2 = -0x1.1b70699941771p+4;
  constexpr double c3 = 0x1.ffff6e547577cp-1;
  const double v0 = c0 / x;
  const double v1 = x + c1;
  const double v2 = v0 - v1;
  const double v3 = c2 / v2;
  const double v4 = v3 + c3;
  return v4;
}

// 6 operations, largest relative error 2.73e-07 on [0,1].
inline double exp2_6(double x) {
  constexpr double c0 = 0x1.91ec831a3e1c5p+6;
  constexpr double c1 = -0x1.16846a3e7cb8p+4;
  constexpr double c2 = 0x1.169872b9e0ef1p+5;
  constexpr double c3 = 0x1.fffffb6a1dcd5p-1;
  const double v0 = c0 / x;
  const double v1 = x + v0;
  const double v2 = v1 + c1;
  const double v3 = c2 / v2;
  const double v4 = v3 + c3;
  const double v5 = v4 * v4;
  return v5;
}

// 7 operations, largest relative error 5.64e-10 on [0,1].
inline double exp2_7(double x) {
  constexpr double c0 = 0x1.69f9c8d2ea7aep+6;
  constexpr double c1 = -0x1.dac1dbb10ca67p+7;
  constexpr double c2 = 0x1.f5cdfcaea3bbap+4;
  constexpr double c3 = -0x1.f5ce0efba858ep+5;
  constexpr double c4 = 0x1.fffffffb286adp-1;
  const double v0 = c0 / x;
  const double v1 = x + v0;
  const double v2 = c1 / v1;
  const double v3 = v2 - v1;
  const double v4 = v3 + c2;
  const double v5 = c3 / v4;
  const double v6 = v5 + c4;
  return v6;
}

// 8 operations, largest relative error 8.94e-12 on [0,1].
inline double exp2_8(double x) {
  constexpr double c0 = 0x1.699747b575736p+8;
  constexpr double c1 = -0x1.d98fabd54bb77p+9;
  constexpr double c2 = 0x1.f5457f0a606b3p+5;
  constexpr double c3 = -0x1.f5457f9e478cep+6;
  constexpr double c4 = 0x1.fffffffff62c3p-1;
  const double v0 = c0 / x;
  const double v1 = x + v0;
  const double v2 = c1 / v1;
  const double v3 = v2 - v1;
  const double v4 = v3 + c2;
  const double v5 = c3 / v4;
  const double v6 = v5 + c4;
  const double v7 = v6 * v6;
  return v7;
}

// 9 operations, largest relative error 2.22e-12 on [0,1].
inline double exp2_9(double x) {
  constexpr double c0 = 0x1.69c6843426207p+8;
  constexpr double c1 = 0x1.a837d4180006ep-11;
  constexpr double c2 = -0x1.da234e1ec7be4p+9;
  constexpr double c3 = 0x1.f588a407000f1p+5;
  constexpr double c4 = -0x1.f586fb5a2079ep+6;
  constexpr double c5 = 0x1.000000000137bp+0;
  const double v0 = c0 / x;
  const double v1 = x + v0;
  const double v2 = v1 + c1;
  const double v3 = c2 / v2;
  const double v4 = v3 - v2;
  const double v5 = v4 + c3;
  const double v6 = c4 / v5;
  const double v7 = v6 + c5;
  const double v8 = v7 * v7;
  return v8;
}

// 10 operations, largest relative error 1.52e-13 on [0,1].
inline double exp2_10(double x) {
  constexpr double c0 = -0x1.92bbf56fcc0ap+9;
  constexpr double c1 = -0x1.1d348fb2363fcp-1;
  constexpr double c2 = 0x1.25b32ecb85f91p+10;
  constexpr double c3 = -0x1.17277218095d5p+6;
  constexpr double c4 = -0x1.1727721a603e8p+7;
  constexpr double c5 = -0x1.fffffffffff5ap-1;
  const double v0 = c0 / x;
  const double v1 = x * c1;
  const double v2 = v0 + v1;
  const double v3 = c2 / v2;
  const double v4 = c3 - v3;
  const double v5 = v4 - v2;
  const double v6 = c4 / v5;
  const double v7 = v6 + c5;
  const double v8 = v7 * v7;
  const double v9 = v8 * v8;
  return v9;
}
