// Made by: nibble search-function --target exp2 --domain 0,1 --ops 10 --seed 1 --rounds 2568
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
  constexpr double c0 = 0x1.ffffb82d9d44cp-1;
  constexpr double c1 = 0x1.f0bb5664f4c66p-1;
  const double v0 = x + c0;
  const double v1 = v0 * c1;
  return v1;
}

// 3 operations, largest relative error 0.000867 on [0,1].
inline double exp2_3(double x) {
  constexpr double c0 = 0x1.b41b4aaf2543ep+1;
  constexpr double c1 = 0x1.071e7740cf297p+3;
  constexpr double c2 = -0x1.6a09dd7c5cb9fp+0;
  const double v0 = c0 - x;
  const double v1 = c1 / v0;
  const double v2 = v1 + c2;
  return v2;
}

// 4 operations, largest relative error 0.000217 on [0,1].
inline double exp2_4(double x) {
  constexpr double c0 = 0x1.9205f80dea4e7p+2;
  constexpr double c1 = -0x1.b808cb814fd3bp+3;
  constexpr double c2 = 0x1.306fe06717906p+0;
  const double v0 = c0 - x;
  const double v1 = c1 / v0;
  const double v2 = v1 + c2;
  const double v3 = v2 * v2;
  return v3;
}

// 5 operations, largest relative error 4.34e-06 on [0,1].
inline double exp2_5(double x) {
  constexpr double c0 = -0x1.1acf291a79edbp+3;
  constexpr double c1 = -0x1.98d84ecd818f8p+4;
  constexpr double c2 = 0x1.1b706999416c9p+4;
  constexpr double c3 = 0x1.ffff6e547577dp-1;
  const double v0 = x + c0;
  const double v1 = c1 / x;
  const double v2 = v0 - v1;
  const double v3 = c2 / v2;
  const double v4 = v3 + c3;
  return v4;
}

// 6 operations, largest relative error 2.73e-07 on [0,1].
inline double exp2_6(double x) {
  constexpr double c0 = -0x1.91ec831a3e259p+6;
  constexpr double c1 = -0x1.16846a3e7cbeap+4;
  constexpr double c2 = -0x1.169872b9e0f55p+5;
  constexpr double c3 = 0x1.fffffb6a1dcd6p-1;
  const double v0 = c0 / x;
  const double v1 = x + c1;
  const double v2 = v0 - v1;
  const double v3 = c2 / v2;
  const double v4 = v3 + c3;
  const double v5 = v4 * v4;
  return v5;
}

// 7 operations, largest relative error 5.64e-10 on [0,1].
inline double exp2_7(double x) {
  constexpr double c0 = -0x1.69f9c8d30281ep+6;
  constexpr double c1 = -0x1.dac1dbb156de5p+7;
  constexpr double c2 = 0x1.f5cdfcaec4faap+4;
  constexpr double c3 = -0x1.f5ce0efbc9a94p+5;
  constexpr double c4 = 0x1.fffffffb286adp-1;
  const double v0 = c0 / x;
  const double v1 = x - v0;
  const double v2 = c1 / v1;
  const double v3 = v2 + c2;
  const double v4 = v3 - v1;
  const double v5 = c3 / v4;
  const double v6 = v5 + c4;
  return v6;
}

// 8 operations, largest relative error 8.94e-12 on [0,1].
inline double exp2_8(double x) {
  constexpr double c0 = -0x1.699747b33bdc4p+8;
  constexpr double c1 = -0x1.d98fabce5e3ebp+9;
  constexpr double c2 = -0x1.f5457f074ae72p+5;
  constexpr double c3 = -0x1.f5457f9b31ed6p+6;
  constexpr double c4 = 0x1.fffffffff62c3p-1;
  const double v0 = c0 / x;
  const double v1 = x - v0;
  const double v2 = c1 / v1;
  const double v3 = v1 + c2;
  const double v4 = v2 - v3;
  const double v5 = c3 / v4;
  const double v6 = v5 + c4;
  const double v7 = v6 * v6;
  return v7;
}

// 9 operations, largest relative error 1.41e-13 on [0,1].
inline double exp2_9(double x) {
  constexpr double c0 = -0x1.697e93f47f604p+10;
  constexpr double c1 = -0x1.d942b58bc59f4p+11;
  constexpr double c2 = -0x1.f52340ffee339p+6;
  constexpr double c3 = -0x1.f523410490572p+7;
  constexpr double c4 = 0x1.ffffffffffec4p-1;
  const double v0 = c0 / x;
  const double v1 = x - v0;
  const double v2 = c1 / v1;
  const double v3 = v1 + c2;
  const double v4 = v2 - v3;
  const double v5 = c3 / v4;
  const double v6 = v5 + c4;
  const double v7 = v6 * v6;
  const double v8 = v7 * v7;
  return v8;
}

// 10 operations, largest relative error 3.75e-15 on [0,1].
inline double exp2_10(double x) {
  constexpr double c0 = -0x1.69785f24ed524p+12;
  constexpr double c1 = -0x1.d92f5c8beeb56p+13;
  constexpr double c2 = -0x1.f51aa67522395p+7;
  constexpr double c3 = -0x1.f51aa675452e2p+8;
  constexpr double c4 = 0x1.ffffffffffffep-1;
  const double v0 = c0 / x;
  const double v1 = x - v0;
  const double v2 = c1 / v1;
  const double v3 = v1 + c2;
  const double v4 = v2 - v3;
  const double v5 = c3 / v4;
  const double v6 = v5 + c4;
  const double v7 = v6 * v6;
  const double v8 = v7 * v7;
  const double v9 = v8 * v8;
  return v9;
}
