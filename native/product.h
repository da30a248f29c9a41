// A matrix product for small matrices, where a BLAS would spend its time on packing them.
#pragma once
#include "vector.h"

namespace plumb {
namespace {

typedef float v16 __attribute__((vector_size(64), aligned(4)));

inline int64_t padded(int64_t n) { return (n + 31) / 32 * 32; }

// C[m,n] (+)= sum_k A(m,k) B[k,n]. A has any strides; rows of B and C are contiguous. Tiles of 4 rows by 32 columns stay in registers.
PLUMB_VECTOR void product(int64_t M, int64_t N, int64_t K, const float* A, int64_t a_row, int64_t a_col, const float* B, int64_t ldb, float* C, int64_t ldc, bool add) {
    int64_t n = 0;
    for (; n + 32 <= N; n += 32) {
        int64_t m = 0;
        for (; m + 4 <= M; m += 4) {
            v16 acc[4][2];
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 2; j++) acc[i][j] = add ? *reinterpret_cast<v16*>(C + (m + i) * ldc + n + 16 * j) : v16{};
            }
            const float* a = A + m * a_row;
            const float* b = B + n;
            for (int64_t k = 0; k < K; k++, a += a_col, b += ldb) {
                v16 b0 = *reinterpret_cast<const v16*>(b), b1 = *reinterpret_cast<const v16*>(b + 16);
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++) {
                    float x = a[i * a_row];
                    acc[i][0] += x * b0;
                    acc[i][1] += x * b1;
                }
            }
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 2; j++) *reinterpret_cast<v16*>(C + (m + i) * ldc + n + 16 * j) = acc[i][j];
            }
        }
        for (; m < M; m++) {
            v16 c0 = add ? *reinterpret_cast<v16*>(C + m * ldc + n) : v16{}, c1 = add ? *reinterpret_cast<v16*>(C + m * ldc + n + 16) : v16{};
            const float* a = A + m * a_row;
            const float* b = B + n;
            for (int64_t k = 0; k < K; k++, a += a_col, b += ldb) {
                c0 += *a * *reinterpret_cast<const v16*>(b);
                c1 += *a * *reinterpret_cast<const v16*>(b + 16);
            }
            *reinterpret_cast<v16*>(C + m * ldc + n) = c0;
            *reinterpret_cast<v16*>(C + m * ldc + n + 16) = c1;
        }
    }
    for (; n < N; n++) {
        for (int64_t m = 0; m < M; m++) {
            float sum = add ? C[m * ldc + n] : 0.0f;
            for (int64_t k = 0; k < K; k++) sum += A[m * a_row + k * a_col] * B[k * ldb + n];
            C[m * ldc + n] = sum;
        }
    }
}

}  // namespace
}  // namespace plumb
