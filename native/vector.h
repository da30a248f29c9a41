// Small dense arithmetic on float rows, written so that the compiler turns it into vector instructions,
// compiled once for AVX-512, once for AVX2 and once for any processor; the choice is made when the library is loaded.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

// Every function so marked exists in all forms behind one name. The forms are chosen by what the processor can do:
// "arch=haswell" would ask for that very processor, and leave those of another maker the slowest form.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define PLUMB_VECTOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define PLUMB_VECTOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PLUMB_VECTOR
#endif

namespace plumb {

// e^x to about 2 units in the last place for |x| < 87; clamped outside. Cody and Waite's reduction, then a polynomial of degree 6.
__attribute__((always_inline)) inline float fast_exp(float x) {
    x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
    float n = __builtin_rintf(x * 1.44269504088896341f);
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

}  // namespace plumb
