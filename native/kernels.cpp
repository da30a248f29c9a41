// The other hot pieces of a transformer's step in one pass each: norm, rotary split, gate, chosen log-probabilities, Adam.
// On the CPU in float32 by hand; anywhere else composed of ATen's operators.
#include "plumb.h"
#include "parallel.h"
#include "vector.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

namespace plumb {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool by_hand(const at::Tensor& x) { return x.device().is_cpu() && x.scalar_type() == at::kFloat; }

// ---- root mean square norm (arXiv 1910.07467): y = x / sqrt(mean(x^2) + eps) * w

PLUMB_VECTOR float norm_row(const float* x, const float* w, int64_t D, float eps, float* y) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < D; d++) sum += x[d] * x[d];
    float r = 1.0f / std::sqrt(sum / D + eps);
#pragma omp simd
    for (int64_t d = 0; d < D; d++) y[d] = x[d] * r * w[d];
    return r;
}

PLUMB_VECTOR void norm_row_gradient(const float* x, const float* w, const float* g, float r, int64_t D, float* dx, float* dw) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < D; d++) sum += g[d] * w[d] * x[d];
    float c = sum * r * r * r / D;
#pragma omp simd
    for (int64_t d = 0; d < D; d++) {
        dx[d] = r * g[d] * w[d] - c * x[d];
        dw[d] += g[d] * x[d] * r;
    }
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
    static at::Tensor forward(AutogradContext* context, const at::Tensor& x0, const at::Tensor& w0, double eps) {
        auto x = x0.contiguous(), w = w0.contiguous();
        auto D = x.size(-1), M = x.numel() / D;
        auto y = at::empty_like(x), r = at::empty({M}, x.options());
        auto xp = x.data_ptr<float>(), wp = w.data_ptr<float>(), yp = y.data_ptr<float>(), rp = r.data_ptr<float>();
        parallel_for(M, 64, [&](int64_t begin, int64_t end) {
            for (int64_t m = begin; m < end; m++) rp[m] = norm_row(xp + m * D, wp, D, static_cast<float>(eps), yp + m * D);
        });
        context->save_for_backward({x, w, r});
        return y;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        first_derivative_only("rms_norm");
        auto saved = context->get_saved_variables();
        auto &x = saved[0], &w = saved[1], &r = saved[2];
        auto g = gradients[0].contiguous();
        auto D = x.size(-1), M = x.numel() / D;
        auto dx = at::empty_like(x), dw = at::zeros_like(w);
        // A partial sum every so many rows, added in order: the same bits on every run and with any number of threads.
        constexpr int64_t rows = 256;
        auto chunks = (M + rows - 1) / rows;
        std::vector<float> partial(chunks * D, 0.0f);
        auto xp = x.data_ptr<float>(), wp = w.data_ptr<float>(), rp = r.data_ptr<float>(), gp = g.data_ptr<float>(), dxp = dx.data_ptr<float>();
        parallel_for(chunks, 1, [&](int64_t begin, int64_t end) {
            for (int64_t m = begin * rows; m < std::min(M, end * rows); m++) {
                norm_row_gradient(xp + m * D, wp, gp + m * D, rp[m], D, dxp + m * D, partial.data() + m / rows * D);
            }
        });
        auto dwp = dw.data_ptr<float>();
        for (int64_t c = 0; c < chunks; c++) {
            for (int64_t d = 0; d < D; d++) dwp[d] += partial[c * D + d];
        }
        return {dx, dw, at::Tensor()};
    }
};

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps) {
    require(x.dim() > 0 && x.size(-1) > 0 && w.dim() == 1 && w.size(0) == x.size(-1), "rms_norm takes x [...,D] and a weight [D]");
    if (by_hand(x) && by_hand(w)) return RmsNorm::apply(x, w, eps);
    return x * at::rsqrt(x.pow(2).mean(-1, true) + eps) * w;
}

// ---- queries, keys and values out of one projection, queries and keys rotated to their positions (arXiv 2104.09864)

PLUMB_VECTOR void turn(const float* x, const float* c, const float* s, float direction, int64_t half, float* y) {
#pragma omp simd
    for (int64_t d = 0; d < half; d++) {
        auto a = x[d], b = x[half + d], sine = direction * s[d];
        y[d] = a * c[d] - b * sine;
        y[half + d] = b * c[d] + a * sine;
    }
}

struct QkvRotary : torch::autograd::Function<QkvRotary> {
    static variable_list forward(AutogradContext* context, const at::Tensor& qkv0, int64_t H, int64_t K, const at::Tensor& cos0, const at::Tensor& sin0) {
        auto qkv = qkv0.contiguous(), cos = cos0.contiguous(), sin = sin0.contiguous();
        auto N = qkv.size(0), T = qkv.size(1), D = qkv.size(2) / (H + 2 * K);
        auto q = at::empty({N, H, T, D}, qkv.options()), k = at::empty({N, K, T, D}, qkv.options()), v = at::empty({N, K, T, D}, qkv.options());
        auto x = qkv.data_ptr<float>(), c = cos.data_ptr<float>(), s = sin.data_ptr<float>();
        auto qp = q.data_ptr<float>(), kp = k.data_ptr<float>(), vp = v.data_ptr<float>();
        parallel_for(N * T, 16, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) {
                auto n = i / T, t = i % T;
                auto row = x + i * (H + 2 * K) * D;
                for (int64_t h = 0; h < H; h++, row += D) turn(row, c + t * D / 2, s + t * D / 2, 1, D / 2, qp + ((n * H + h) * T + t) * D);
                for (int64_t h = 0; h < K; h++, row += D) turn(row, c + t * D / 2, s + t * D / 2, 1, D / 2, kp + ((n * K + h) * T + t) * D);
                for (int64_t h = 0; h < K; h++, row += D) std::memcpy(vp + ((n * K + h) * T + t) * D, row, D * sizeof(float));
            }
        });
        context->save_for_backward({cos, sin});
        context->saved_data["shape"] = std::vector<int64_t>{N, T, H, K, D};
        return {q, k, v};
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        first_derivative_only("qkv_rotary");
        auto saved = context->get_saved_variables();
        auto shape = context->saved_data["shape"].toIntVector();
        auto N = shape[0], T = shape[1], H = shape[2], K = shape[3], D = shape[4];
        auto options = saved[0].options();
        auto whole = [&](const at::Tensor& g, int64_t heads) { return g.defined() ? g.contiguous() : at::zeros({N, heads, T, D}, options); };
        auto dq = whole(gradients[0], H), dk = whole(gradients[1], K), dv = whole(gradients[2], K);
        auto dx = at::empty({N, T, (H + 2 * K) * D}, options);
        auto c = saved[0].data_ptr<float>(), s = saved[1].data_ptr<float>();
        auto qp = dq.data_ptr<float>(), kp = dk.data_ptr<float>(), vp = dv.data_ptr<float>(), xp = dx.data_ptr<float>();
        parallel_for(N * T, 16, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i++) {
                auto n = i / T, t = i % T;
                auto row = xp + i * (H + 2 * K) * D;
                for (int64_t h = 0; h < H; h++, row += D) turn(qp + ((n * H + h) * T + t) * D, c + t * D / 2, s + t * D / 2, -1, D / 2, row);
                for (int64_t h = 0; h < K; h++, row += D) turn(kp + ((n * K + h) * T + t) * D, c + t * D / 2, s + t * D / 2, -1, D / 2, row);
                for (int64_t h = 0; h < K; h++, row += D) std::memcpy(row, vp + ((n * K + h) * T + t) * D, D * sizeof(float));
            }
        });
        return {dx, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

std::tuple<at::Tensor, at::Tensor, at::Tensor> qkv_rotary(const at::Tensor& qkv, int64_t H, int64_t K, const at::Tensor& cos, const at::Tensor& sin) {
    const char* shapes = "qkv_rotary takes qkv [N,T,(H+2K)D] with an even D, and cos, sin [T,D/2]";
    require(H > 0 && K > 0 && qkv.dim() == 3 && qkv.size(2) % (2 * (H + 2 * K)) == 0 && cos.dim() == 2 && cos.sizes() == sin.sizes(), shapes);
    auto N = qkv.size(0), T = qkv.size(1), D = qkv.size(2) / (H + 2 * K);
    require(cos.size(0) >= T && 2 * cos.size(1) == D, shapes);
    if (by_hand(qkv)) {
        auto all = QkvRotary::apply(qkv, H, K, cos.narrow(0, 0, T), sin.narrow(0, 0, T));
        return {all[0], all[1], all[2]};
    }
    auto heads = qkv.view({N, T, H + 2 * K, D}).transpose(1, 2);
    auto c = cos.narrow(0, 0, T), s = sin.narrow(0, 0, T);
    auto rotated = [&](const at::Tensor& x) {
        auto half = x.chunk(2, -1);
        return at::cat({half[0] * c - half[1] * s, half[1] * c + half[0] * s}, -1);
    };
    return {rotated(heads.narrow(1, 0, H)), rotated(heads.narrow(1, H, K)), heads.narrow(1, H + K, K)};
}

// ---- gate: silu(g) * u for [.., 2F] = g | u (arXiv 2002.05202)

PLUMB_VECTOR void gate_row(const float* x, int64_t F, float* y) {
#pragma omp simd
    for (int64_t f = 0; f < F; f++) y[f] = x[f] / (1.0f + fast_exp(-x[f])) * x[F + f];
}

PLUMB_VECTOR void gate_row_gradient(const float* x, const float* g, int64_t F, float* dx) {
#pragma omp simd
    for (int64_t f = 0; f < F; f++) {
        float s = 1.0f / (1.0f + fast_exp(-x[f])), silu = x[f] * s;
        dx[f] = g[f] * x[F + f] * (s + silu * (1.0f - s));
        dx[F + f] = g[f] * silu;
    }
}

struct SwiGlu : torch::autograd::Function<SwiGlu> {
    static at::Tensor forward(AutogradContext* context, const at::Tensor& x0) {
        auto x = x0.contiguous();
        auto F = x.size(-1) / 2, M = x.numel() / (2 * F);
        auto sizes = x.sizes().vec();
        sizes.back() = F;
        auto y = at::empty(sizes, x.options());
        auto xp = x.data_ptr<float>(), yp = y.data_ptr<float>();
        parallel_for(M, 16, [&](int64_t begin, int64_t end) {
            for (int64_t m = begin; m < end; m++) gate_row(xp + m * 2 * F, F, yp + m * F);
        });
        context->save_for_backward({x});
        return y;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        first_derivative_only("swiglu");
        auto x = context->get_saved_variables()[0];
        auto g = gradients[0].contiguous();
        auto F = x.size(-1) / 2, M = x.numel() / (2 * F);
        auto dx = at::empty_like(x);
        auto xp = x.data_ptr<float>(), gp = g.data_ptr<float>(), dxp = dx.data_ptr<float>();
        parallel_for(M, 16, [&](int64_t begin, int64_t end) {
            for (int64_t m = begin; m < end; m++) gate_row_gradient(xp + m * 2 * F, gp + m * F, F, dxp + m * 2 * F);
        });
        return {dx};
    }
};

at::Tensor swiglu(const at::Tensor& x) {
    require(x.dim() > 0 && x.size(-1) > 0 && x.size(-1) % 2 == 0, "swiglu takes [...,2F]");
    if (by_hand(x)) return SwiGlu::apply(x);
    auto half = x.chunk(2, -1);
    return at::silu(half[0]) * half[1];
}

// ---- log-probabilities of chosen tokens, and entropies, without a second [M,V]

PLUMB_VECTOR void read_row(const float* x, int64_t V, float* lse, float* entropy) {
    float top = -INFINITY;
#pragma omp simd reduction(max : top)
    for (int64_t v = 0; v < V; v++) top = x[v] > top ? x[v] : top;
    float sum = 0.0f, weighted = 0.0f;
#pragma omp simd reduction(+ : sum, weighted)
    for (int64_t v = 0; v < V; v++) {
        // Beyond -87 the weight is nothing; the bound keeps minus infinity from spoiling it.
        float shifted = x[v] - top;
        shifted = shifted < -87.0f ? -87.0f : shifted;
        float e = fast_exp(shifted);
        sum += e;
        weighted += e * shifted;
    }
    *lse = top + std::log(sum);
    *entropy = std::log(sum) - weighted / sum;
}

// d(loss)/d(logits) = g (1[v = token] - p) - h p (log p + H)
PLUMB_VECTOR void row_gradient(const float* x, int64_t V, float lse, float entropy, float g, float h, float* dx) {
#pragma omp simd
    for (int64_t v = 0; v < V; v++) {
        float logp = x[v] - lse;
        logp = logp < -87.0f ? -87.0f : logp;
        float p = fast_exp(logp);
        dx[v] = -p * (g + h * (logp + entropy));
    }
}

struct SelectedLogps : torch::autograd::Function<SelectedLogps> {
    static variable_list forward(AutogradContext* context, const at::Tensor& logits0, const at::Tensor& tokens0) {
        auto logits = logits0.contiguous(), tokens = tokens0.contiguous();
        auto M = logits.size(0), V = logits.size(1);
        auto logps = at::empty({M}, logits.options()), entropies = at::empty({M}, logits.options()), lse = at::empty({M}, logits.options());
        auto x = logits.data_ptr<float>(), lp = logps.data_ptr<float>(), ep = entropies.data_ptr<float>(), sp = lse.data_ptr<float>();
        auto token = tokens.data_ptr<int64_t>();
        for (int64_t m = 0; m < M; m++) {
            if (token[m] < 0 || token[m] >= V) throw std::out_of_range("token " + std::to_string(token[m]) + " is outside the vocabulary of " + std::to_string(V));
        }
        parallel_for(M, 16, [&](int64_t begin, int64_t end) {
            for (int64_t m = begin; m < end; m++) {
                read_row(x + m * V, V, sp + m, ep + m);
                lp[m] = x[m * V + token[m]] - sp[m];
            }
        });
        context->save_for_backward({logits, tokens, lse, entropies});
        return {logps, entropies};
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        first_derivative_only("selected_logps");
        auto saved = context->get_saved_variables();
        auto &logits = saved[0], &tokens = saved[1], &lse = saved[2], &entropies = saved[3];
        auto M = logits.size(0), V = logits.size(1);
        auto dx = at::empty_like(logits);
        auto g = gradients[0].defined() ? gradients[0].contiguous() : at::zeros({M}, logits.options());
        auto h = gradients[1].defined() ? gradients[1].contiguous() : at::zeros({M}, logits.options());
        auto x = logits.data_ptr<float>(), sp = lse.data_ptr<float>(), ep = entropies.data_ptr<float>(), gp = g.data_ptr<float>(), hp = h.data_ptr<float>(), dxp = dx.data_ptr<float>();
        auto token = tokens.data_ptr<int64_t>();
        parallel_for(M, 16, [&](int64_t begin, int64_t end) {
            for (int64_t m = begin; m < end; m++) {
                row_gradient(x + m * V, V, sp[m], ep[m], gp[m], hp[m], dxp + m * V);
                dxp[m * V + token[m]] += gp[m];
            }
        });
        return {dx, at::Tensor()};
    }
};

std::tuple<at::Tensor, at::Tensor> selected_logps(const at::Tensor& logits, const at::Tensor& tokens) {
    require(logits.dim() == 2 && logits.size(1) > 0 && tokens.dim() == 1 && tokens.size(0) == logits.size(0), "selected_logps takes logits [M,V] and tokens [M]");
    if (by_hand(logits)) {
        auto both = SelectedLogps::apply(logits, tokens);
        return {both[0], both[1]};
    }
    auto wide = logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat);
    auto all = wide.log_softmax(-1);
    return {all.gather(1, tokens.unsqueeze(1)).squeeze(1), -(all.exp() * all).sum(-1)};
}

// ---- one Adam update of many tensors

PLUMB_VECTOR void adam_part(float* p, const float* g, float* m, float* v, int64_t count, float lr, float b1, float b2, float eps, float decay, bool decoupled, float c1, float c2) {
    float shrink = decoupled ? 1.0f - lr * decay : 1.0f, l2 = decoupled ? 0.0f : decay;
    float step = lr / c1, root = 1.0f / std::sqrt(c2);
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        float grad = g[i] + l2 * p[i];
        m[i] = b1 * m[i] + (1.0f - b1) * grad;
        v[i] = b2 * v[i] + (1.0f - b2) * grad * grad;
        p[i] = p[i] * shrink - step * m[i] / (std::sqrt(v[i]) * root + eps);
    }
}

void adamw_(std::vector<at::Tensor> parameters, std::vector<at::Tensor> gradients, std::vector<at::Tensor> means, std::vector<at::Tensor> squares,
            int64_t steps, double lr, double beta1, double beta2, double eps, double decay, bool decoupled) {
    auto c1 = static_cast<float>(1 - std::pow(beta1, steps)), c2 = static_cast<float>(1 - std::pow(beta2, steps));
    for (size_t i = 0; i < parameters.size(); i++) {
        auto gradient = gradients[i].contiguous();
        auto p = parameters[i].data_ptr<float>(), m = means[i].data_ptr<float>(), v = squares[i].data_ptr<float>();
        auto g = gradient.data_ptr<float>();
        parallel_for(parameters[i].numel(), 16384, [&](int64_t begin, int64_t end) {
            adam_part(p + begin, g + begin, m + begin, v + begin, end - begin, static_cast<float>(lr), static_cast<float>(beta1), static_cast<float>(beta2),
                      static_cast<float>(eps), static_cast<float>(decay), decoupled, c1, c2);
        });
    }
}

}  // namespace
}  // namespace plumb

TORCH_LIBRARY_FRAGMENT(plumb, library) {
    library.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor", &plumb::rms_norm);
    library.def("qkv_rotary(Tensor qkv, int heads, int kv_heads, Tensor cos, Tensor sin) -> (Tensor, Tensor, Tensor)", &plumb::qkv_rotary);
    library.def("swiglu(Tensor gate_up) -> Tensor", &plumb::swiglu);
    library.def("selected_logps(Tensor logits, Tensor tokens) -> (Tensor, Tensor)", &plumb::selected_logps);
    library.def("adamw_(Tensor[] parameters, Tensor[] gradients, Tensor[] means, Tensor[] squares, int steps, float lr, float beta1, float beta2, float eps, float decay, bool decoupled) -> ()", &plumb::adamw_);
}
