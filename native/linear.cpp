// A linear layer on a few rows, as decoding needs it: the weights are read once, where they are, instead of packed anew for every token.
// An element is a sum over k in order, whatever the number of rows: a row's result does not depend on the rows beside it.
#include "plumb.h"
#include "parallel.h"
#include "product.h"

#include <torch/library.h>

#include <algorithm>
#include <vector>

namespace plumb {
namespace {

constexpr int64_t block = 32;

bool by_hand(const at::Tensor& x) { return x.device().is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous() && !(at::GradMode::is_enabled() && x.requires_grad()); }

// x [M,K], weight [N,K]. Gives x weightᵀ, [M,N]; a block of weights times all rows at a time, the rows transposed.
at::Tensor linear_rows(const at::Tensor& x, const at::Tensor& weight) {
    require(x.dim() == 2 && weight.dim() == 2 && x.size(1) == weight.size(1), "linear_rows takes x [M,K] and weight [N,K]");
    auto M = x.size(0), K = x.size(1), N = weight.size(0);
    if (!by_hand(x) || !by_hand(weight)) return at::linear(x, weight);
    auto width = padded(M);
    auto y = at::empty({M, N}, x.options());
    std::vector<float> columns(K * width, 0.0f);
    auto xp = x.data_ptr<float>(), wp = weight.data_ptr<float>(), yp = y.data_ptr<float>();
    for (int64_t m = 0; m < M; m++) {
        for (int64_t k = 0; k < K; k++) columns[k * width + m] = xp[m * K + k];
    }
    parallel_for((N + block - 1) / block, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> part(block * width);
        for (int64_t b = begin; b < end; b++) {
            auto from = b * block, rows = std::min(block, N - from);
            product(rows, width, K, wp + from * K, K, 1, columns.data(), width, part.data(), width, false);
            for (int64_t m = 0; m < M; m++) {
                for (int64_t n = 0; n < rows; n++) yp[m * N + from + n] = part[n * width + m];
            }
        }
    });
    return y;
}

}  // namespace
}  // namespace plumb

TORCH_LIBRARY_FRAGMENT(plumb, library) {
    library.def("linear_rows(Tensor x, Tensor weight) -> Tensor", &plumb::linear_rows);
}
