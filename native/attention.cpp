// Causal attention, forward and backward, of separate rows and of packed ones that share their prefix, and the one-token attention of decoding.
// A block of query rows at a time: scores, softmax, values; the upper triangle is never computed. The backward pass recomputes
// the probabilities from the saved log-sum-exp, so no [T,T] matrix outlives its block (as in arXiv 2205.14135).
#include "plumb.h"
#include "parallel.h"
#include "product.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

namespace plumb {
namespace {

constexpr int64_t block_rows = 32;

// [T,D] to the first T columns of [D,width].
void transpose_into(const float* x, int64_t T, int64_t D, float* out, int64_t width) {
    for (int64_t d = 0; d < D; d++) {
        for (int64_t t = 0; t < T; t++) out[d * width + t] = x[t * D + d];
    }
}

// Scores to probabilities, in place, over the first `count` of a row; zero up to `width`. Gives the log of the sum.
PLUMB_VECTOR float soften(float* row, int64_t count, int64_t width, float scale) {
    float top = -INFINITY;
#pragma omp simd reduction(max : top)
    for (int64_t j = 0; j < count; j++) {
        row[j] *= scale;
        top = row[j] > top ? row[j] : top;
    }
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < count; j++) {
        row[j] = fast_exp(row[j] - top);
        sum += row[j];
    }
    float inverse = 1.0f / sum;
#pragma omp simd
    for (int64_t j = 0; j < count; j++) row[j] *= inverse;
    for (int64_t j = count; j < width; j++) row[j] = 0.0f;
    return top + std::log(sum);
}

// Scores to probabilities by a known log-sum-exp.
PLUMB_VECTOR void soften_again(float* row, int64_t count, int64_t width, float scale, float lse) {
#pragma omp simd
    for (int64_t j = 0; j < count; j++) row[j] = fast_exp(row[j] * scale - lse);
    for (int64_t j = count; j < width; j++) row[j] = 0.0f;
}

PLUMB_VECTOR float dot(const float* a, const float* b, int64_t count) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < count; j++) sum += a[j] * b[j];
    return sum;
}

PLUMB_VECTOR void score_gradient(const float* p, float* dp, int64_t count, float delta, float scale) {
#pragma omp simd
    for (int64_t j = 0; j < count; j++) dp[j] = p[j] * (dp[j] - delta) * scale;
}

struct Shape {
    int64_t N, H, K, T, D;
    int64_t shared() const { return H / K; }
    float scale() const { return 1.0f / std::sqrt(static_cast<float>(D)); }
};

// S tokens behind P others that they see whole: the query of token i sees P + i + 1 keys.
struct Run {
    int64_t P, S, D, width;
    float scale() const { return 1.0f / std::sqrt(static_cast<float>(D)); }
};

// keys [D,width] transposed, those of the prefix first; before [P,D] and values [S,D] lie apart. Rows of out are `step` apart.
void forward(const Run& r, const float* query, const float* keys, const float* before, const float* values, float* out, int64_t step, float* lse, float* scores) {
    for (int64_t i0 = 0; i0 < r.S; i0 += block_rows) {
        auto rows = std::min(block_rows, r.S - i0), own = i0 + rows, seen = r.P + own;
        product(rows, padded(seen), r.D, query + i0 * r.D, r.D, 1, keys, r.width, scores, r.width, false);
        for (int64_t i = 0; i < rows; i++) lse[i0 + i] = soften(scores + i * r.width, r.P + i0 + i + 1, seen, r.scale());
        auto y = out + i0 * step;
        if (r.P > 0) product(rows, r.D, r.P, scores, r.width, 1, before, r.D, y, step, false);
        product(rows, r.D, own, scores + r.P, r.width, 1, values, r.D, y, step, r.P > 0);
    }
}

// Keys or values and their gradient, which is added to: those of the prefix, and the run's own.
struct Side {
    const float *transposed, *before, *own;
    float *d_before, *d_own;
};

void backward(const Run& r, const float* query, const Side& key, const Side& value, const float* out, const float* dout, int64_t step, const float* lse, float* dq, float* p, float* dp) {
    for (int64_t i0 = 0; i0 < r.S; i0 += block_rows) {
        auto rows = std::min(block_rows, r.S - i0), own = i0 + rows, across = padded(r.P + own);
        auto x = query + i0 * r.D;
        auto y = out + i0 * step, dy = dout + i0 * step;
        product(rows, across, r.D, x, r.D, 1, key.transposed, r.width, p, r.width, false);
        product(rows, across, r.D, dy, step, 1, value.transposed, r.width, dp, r.width, false);
        for (int64_t i = 0; i < rows; i++) {
            soften_again(p + i * r.width, r.P + i0 + i + 1, across, r.scale(), lse[i0 + i]);
            score_gradient(p + i * r.width, dp + i * r.width, across, dot(dy + i * step, y + i * step, r.D), r.scale());
        }
        if (r.P > 0) {
            product(rows, r.D, r.P, dp, r.width, 1, key.before, r.D, dq + i0 * r.D, r.D, false);
            product(r.P, r.D, rows, dp, 1, r.width, x, r.D, key.d_before, r.D, true);
            product(r.P, r.D, rows, p, 1, r.width, dy, step, value.d_before, r.D, true);
        }
        product(rows, r.D, own, dp + r.P, r.width, 1, key.own, r.D, dq + i0 * r.D, r.D, r.P > 0);
        product(own, r.D, rows, dp + r.P, 1, r.width, x, r.D, key.d_own, r.D, true);
        product(own, r.D, rows, p + r.P, 1, r.width, dy, step, value.d_own, r.D, true);
    }
}

void forward(const Shape& s, const float* q, const float* k, const float* v, float* out, float* lse) {
    Run run{0, s.T, s.D, padded(s.T)};
    parallel_for(s.N * s.K, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> keys(s.D * run.width), scores(block_rows * run.width);
        for (int64_t pair = begin; pair < end; pair++) {
            transpose_into(k + pair * s.T * s.D, s.T, s.D, keys.data(), run.width);
            for (int64_t g = 0; g < s.shared(); g++) {
                auto n = pair / s.K, h = pair % s.K * s.shared() + g, row = (n * s.H + h) * s.T;
                forward(run, q + row * s.D, keys.data(), nullptr, v + pair * s.T * s.D, out + (n * s.T * s.H + h) * s.D, s.H * s.D, lse + row, scores.data());
            }
        }
    });
}

void backward(const Shape& s, const float* q, const float* k, const float* v, const float* out, const float* lse, const float* dout, float* dq, float* dk, float* dv) {
    Run run{0, s.T, s.D, padded(s.T)};
    parallel_for(s.N * s.K, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> keys(s.D * run.width), values(s.D * run.width), p(block_rows * run.width), dp(block_rows * run.width);
        for (int64_t pair = begin; pair < end; pair++) {
            auto at = pair * s.T * s.D;
            transpose_into(k + at, s.T, s.D, keys.data(), run.width);
            transpose_into(v + at, s.T, s.D, values.data(), run.width);
            Side key{keys.data(), nullptr, k + at, nullptr, dk + at}, value{values.data(), nullptr, v + at, nullptr, dv + at};
            std::fill(dk + at, dk + at + s.T * s.D, 0.0f);
            std::fill(dv + at, dv + at + s.T * s.D, 0.0f);
            for (int64_t g = 0; g < s.shared(); g++) {
                auto n = pair / s.K, h = pair % s.K * s.shared() + g, row = (n * s.H + h) * s.T, y = (n * s.T * s.H + h) * s.D;
                backward(run, q + row * s.D, key, value, out + y, dout + y, s.H * s.D, lse + row, dq + row * s.D, p.data(), dp.data());
            }
        }
    });
}

// Groups one after the other in one row of M tokens: a prefix, then the suffixes that share it.
struct Pack {
    struct Part {
        int64_t start, length;
    };
    struct Group {
        Part prefix;
        std::vector<Part> suffixes;
        int64_t longest;
    };
    std::vector<Group> groups;
    int64_t M = 0;

    Pack(at::IntArrayRef prefixes, at::IntArrayRef counts, at::IntArrayRef suffixes) {
        const char* lengths = "packed_attention takes as many counts as prefixes, as many suffixes as the counts say, prefixes of at least 1 token and suffixes of at least 0";
        require(prefixes.size() == counts.size(), lengths);
        size_t next = 0;
        for (size_t g = 0; g < prefixes.size(); g++) {
            require(prefixes[g] > 0 && counts[g] >= 0 && static_cast<size_t>(counts[g]) <= suffixes.size() - next, lengths);
            Group group{add(prefixes[g]), {}, 0};
            for (int64_t i = 0; i < counts[g]; i++, next++) {
                require(suffixes[next] >= 0, lengths);
                group.longest = std::max(group.longest, suffixes[next]);
                group.suffixes.push_back(add(suffixes[next]));
            }
            groups.push_back(std::move(group));
        }
        require(next == suffixes.size(), lengths);
    }

private:
    Part add(int64_t length) {
        Part part{M, length};
        M += length;
        return part;
    }
};

// The prefix of a group and each suffix behind it, one key head. A thread has all that adds to the prefix's gradient.
void forward(const Pack& pack, const Shape& s, const float* q, const float* k, const float* v, float* out, float* lse) {
    auto tasks = static_cast<int64_t>(pack.groups.size()) * s.K;
    parallel_for(tasks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; task++) {
            auto& group = pack.groups[task / s.K];
            auto kv = task % s.K, P = group.prefix.length, width = padded(P + group.longest);
            auto key = k + kv * s.T * s.D, value = v + kv * s.T * s.D, before = value + group.prefix.start * s.D;
            std::vector<float> keys(s.D * width, 0.0f), scores(block_rows * width);
            auto run = [&](const Pack::Part& part, int64_t seen) {
                transpose_into(key + part.start * s.D, part.length, s.D, keys.data() + seen, width);
                for (int64_t h = kv * s.shared(); h < (kv + 1) * s.shared(); h++) {
                    auto row = h * s.T + part.start;
                    forward({seen, part.length, s.D, width}, q + row * s.D, keys.data(), before, value + part.start * s.D, out + (part.start * s.H + h) * s.D, s.H * s.D, lse + row, scores.data());
                }
            };
            run(group.prefix, 0);
            for (auto& suffix : group.suffixes) run(suffix, P);
        }
    });
}

void backward(const Pack& pack, const Shape& s, const float* q, const float* k, const float* v, const float* out, const float* lse, const float* dout, float* dq, float* dk, float* dv) {
    auto tasks = static_cast<int64_t>(pack.groups.size()) * s.K;
    parallel_for(tasks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; task++) {
            auto& group = pack.groups[task / s.K];
            auto kv = task % s.K, P = group.prefix.length, width = padded(P + group.longest), base = kv * s.T * s.D, first = base + group.prefix.start * s.D;
            std::vector<float> keys(s.D * width, 0.0f), values(s.D * width, 0.0f), p(block_rows * width), dp(block_rows * width);
            auto run = [&](const Pack::Part& part, int64_t seen) {
                auto own = base + part.start * s.D;
                transpose_into(k + own, part.length, s.D, keys.data() + seen, width);
                transpose_into(v + own, part.length, s.D, values.data() + seen, width);
                Side key{keys.data(), k + first, k + own, dk + first, dk + own}, value{values.data(), v + first, v + own, dv + first, dv + own};
                for (int64_t h = kv * s.shared(); h < (kv + 1) * s.shared(); h++) {
                    auto row = h * s.T + part.start, y = (part.start * s.H + h) * s.D;
                    backward({seen, part.length, s.D, width}, q + row * s.D, key, value, out + y, dout + y, s.H * s.D, lse + row, dq + row * s.D, p.data(), dp.data());
                }
            };
            run(group.prefix, 0);
            for (auto& suffix : group.suffixes) run(suffix, P);
        }
    });
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Attention : torch::autograd::Function<Attention> {
    static at::Tensor forward(AutogradContext* context, const at::Tensor& q0, const at::Tensor& k0, const at::Tensor& v0) {
        auto q = q0.contiguous(), k = k0.contiguous(), v = v0.contiguous();
        Shape s{q.size(0), q.size(1), k.size(1), q.size(2), q.size(3)};
        auto out = at::empty({s.N, s.T, s.H * s.D}, q.options());
        auto lse = at::empty({s.N, s.H, s.T}, q.options());
        plumb::forward(s, q.data_ptr<float>(), k.data_ptr<float>(), v.data_ptr<float>(), out.data_ptr<float>(), lse.data_ptr<float>());
        context->save_for_backward({q, k, v, out, lse});
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        first_derivative_only("causal_attention");
        auto saved = context->get_saved_variables();
        auto &q = saved[0], &k = saved[1], &v = saved[2];
        Shape s{q.size(0), q.size(1), k.size(1), q.size(2), q.size(3)};
        auto dq = at::empty_like(q), dk = at::empty_like(k), dv = at::empty_like(v);
        auto dout = gradients[0].contiguous();
        plumb::backward(s, q.data_ptr<float>(), k.data_ptr<float>(), v.data_ptr<float>(), saved[3].data_ptr<float>(), saved[4].data_ptr<float>(),
                        dout.data_ptr<float>(), dq.data_ptr<float>(), dk.data_ptr<float>(), dv.data_ptr<float>());
        return {dq, dk, dv};
    }
};

at::Tensor composed(const at::Tensor& q, const at::Tensor& k0, const at::Tensor& v0) {
    auto shared = q.size(1) / k0.size(1);
    auto k = shared == 1 ? k0 : k0.repeat_interleave(shared, 1), v = shared == 1 ? v0 : v0.repeat_interleave(shared, 1);
    auto T = q.size(2);
    auto hidden = at::ones({T, T}, q.options().dtype(at::kBool)).triu(1);
    auto scores = at::matmul(q, k.transpose(-2, -1)) * (1.0 / std::sqrt(static_cast<double>(q.size(3))));
    auto p = scores.masked_fill(hidden, -INFINITY).softmax(-1);
    return at::matmul(p, v).transpose(1, 2).reshape({q.size(0), T, q.size(1) * q.size(3)});
}

at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    require(q.dim() == 4 && k.dim() == 4 && v.sizes() == k.sizes() && q.size(0) == k.size(0) && q.size(2) == k.size(2) && q.size(3) == k.size(3) && k.size(1) > 0 && q.size(1) % k.size(1) == 0,
            "causal_attention takes q [N,H,T,D] and k, v [N,K,T,D] where K divides H");
    return q.device().is_cpu() && q.scalar_type() == at::kFloat ? Attention::apply(q, k, v) : composed(q, k, v);
}

struct PackedAttention : torch::autograd::Function<PackedAttention> {
    static at::Tensor forward(AutogradContext* context, const at::Tensor& q0, const at::Tensor& k0, const at::Tensor& v0, std::vector<int64_t> prefixes, std::vector<int64_t> counts, std::vector<int64_t> suffixes) {
        auto q = q0.contiguous(), k = k0.contiguous(), v = v0.contiguous();
        Shape s{1, q.size(0), k.size(0), q.size(1), q.size(2)};
        auto out = at::empty({s.T, s.H * s.D}, q.options());
        auto lse = at::empty({s.H, s.T}, q.options());
        plumb::forward(Pack(prefixes, counts, suffixes), s, q.data_ptr<float>(), k.data_ptr<float>(), v.data_ptr<float>(), out.data_ptr<float>(), lse.data_ptr<float>());
        context->save_for_backward({q, k, v, out, lse});
        context->saved_data["prefixes"] = std::move(prefixes);
        context->saved_data["counts"] = std::move(counts);
        context->saved_data["suffixes"] = std::move(suffixes);
        return out;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        first_derivative_only("packed_attention");
        auto saved = context->get_saved_variables();
        auto &q = saved[0], &k = saved[1], &v = saved[2];
        Shape s{1, q.size(0), k.size(0), q.size(1), q.size(2)};
        Pack pack(context->saved_data["prefixes"].toIntVector(), context->saved_data["counts"].toIntVector(), context->saved_data["suffixes"].toIntVector());
        auto dq = at::empty_like(q), dk = at::zeros_like(k), dv = at::zeros_like(v);
        auto dout = gradients[0].contiguous();
        plumb::backward(pack, s, q.data_ptr<float>(), k.data_ptr<float>(), v.data_ptr<float>(), saved[3].data_ptr<float>(), saved[4].data_ptr<float>(),
                        dout.data_ptr<float>(), dq.data_ptr<float>(), dk.data_ptr<float>(), dv.data_ptr<float>());
        return {dq, dk, dv, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

// Tokens of a prefix see those before them; tokens of a suffix see the whole prefix of their group, and those of their own suffix before them. Gives [M,H*D].
at::Tensor packed_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, at::IntArrayRef prefixes, at::IntArrayRef counts, at::IntArrayRef suffixes) {
    require(q.dim() == 3 && k.dim() == 3 && v.sizes() == k.sizes() && q.size(1) == k.size(1) && q.size(2) == k.size(2) && k.size(0) > 0 && q.size(0) % k.size(0) == 0 &&
                Pack(prefixes, counts, suffixes).M == q.size(1),
            "packed_attention takes q [H,M,D] and k, v [K,M,D] where K divides H, and prefixes and suffixes of M tokens in all");
    require(q.scalar_type() == at::kFloat && q.device().is_cpu() && k.scalar_type() == at::kFloat && v.scalar_type() == at::kFloat, "packed_attention takes float32 tensors on the CPU");
    return PackedAttention::apply(q, k, v, prefixes.vec(), counts.vec(), suffixes.vec());
}

PLUMB_VECTOR void rotate_pair(const float* x, const float* cosine, const float* sine, int64_t half, float* out) {
#pragma omp simd
    for (int64_t d = 0; d < half; d++) {
        auto a = x[d], b = x[half + d];
        out[d] = a * cosine[d] - b * sine[d];
        out[half + d] = b * cosine[d] + a * sine[d];
    }
}

// softmax(scale keys q) values over `count` keys, one query. Four keys and 64 columns at a time stay in registers.
PLUMB_VECTOR void attend(const float* q, const float* keys, const float* values, int64_t count, int64_t D, float scale, float* scores, float* out) {
    int64_t j = 0;
    for (; j + 4 <= count; j += 4) {
        const float* k = keys + j * D;
        float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
        for (int64_t d = 0; d < D; d++) {
            s0 += q[d] * k[d];
            s1 += q[d] * k[D + d];
            s2 += q[d] * k[2 * D + d];
            s3 += q[d] * k[3 * D + d];
        }
        scores[j] = s0 * scale;
        scores[j + 1] = s1 * scale;
        scores[j + 2] = s2 * scale;
        scores[j + 3] = s3 * scale;
    }
    for (; j < count; j++) {
        float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
        for (int64_t d = 0; d < D; d++) sum += q[d] * keys[j * D + d];
        scores[j] = sum * scale;
    }
    float top = -INFINITY, sum = 0.0f;
#pragma omp simd reduction(max : top)
    for (int64_t i = 0; i < count; i++) top = scores[i] > top ? scores[i] : top;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) {
        scores[i] = fast_exp(scores[i] - top);
        sum += scores[i];
    }
    float inverse = 1.0f / sum;
    int64_t d = 0;
    for (; d + 64 <= D; d += 64) {
        v16 acc[4] = {};
        for (int64_t i = 0; i < count; i++) {
            const float* v = values + i * D + d;
#pragma GCC unroll 4
            for (int c = 0; c < 4; c++) acc[c] += scores[i] * *reinterpret_cast<const v16*>(v + 16 * c);
        }
        for (int c = 0; c < 4; c++) *reinterpret_cast<v16*>(out + d + 16 * c) = acc[c] * inverse;
    }
    for (; d + 16 <= D; d += 16) {
        v16 acc = {};
        for (int64_t i = 0; i < count; i++) acc += scores[i] * *reinterpret_cast<const v16*>(values + i * D + d);
        *reinterpret_cast<v16*>(out + d) = acc * inverse;
    }
    for (; d < D; d++) {
        float total = 0.0f;
        for (int64_t i = 0; i < count; i++) total += scores[i] * values[i * D + d];
        out[d] = total * inverse;
    }
}

// One new token a row: rotates it to its position, appends it to the row's cache and attends over all the row has read.
// qkv [N,(H+2K)D]; caches [R,K,C,D], row n of the batch lives in row n; lengths [N] tokens read before. Gives [N,H*D].
at::Tensor decode_attention(const at::Tensor& qkv0, at::Tensor k_cache, at::Tensor v_cache, const at::Tensor& lengths0, const at::Tensor& cos0, const at::Tensor& sin0, int64_t heads) {
    const char* shapes = "decode_attention takes qkv [N,(H+2K)D] with an even D, caches [R,K,C,D] of at least N rows, lengths [N], and cos, sin [C,D/2] or longer";
    require(qkv0.dim() == 2 && k_cache.dim() == 4 && v_cache.sizes() == k_cache.sizes() && k_cache.size(1) > 0 && heads > 0 && heads % k_cache.size(1) == 0, shapes);
    auto qkv = qkv0.contiguous(), lengths = lengths0.contiguous(), cos = cos0.contiguous(), sin = sin0.contiguous();
    Shape s{qkv.size(0), heads, k_cache.size(1), k_cache.size(2), k_cache.size(3)};
    require(s.D % 2 == 0 && qkv.size(1) == (heads + 2 * s.K) * s.D && k_cache.size(0) >= s.N && lengths.dim() == 1 && lengths.size(0) == s.N && cos.dim() == 2 &&
                cos.sizes() == sin.sizes() && cos.size(0) >= s.T && 2 * cos.size(1) == s.D,
            shapes);
    require(qkv.scalar_type() == at::kFloat && qkv.device().is_cpu() && k_cache.is_contiguous() && v_cache.is_contiguous(), "decode_attention takes contiguous float32 tensors on the CPU");
    auto out = at::empty({s.N, heads * s.D}, qkv.options());
    auto x = qkv.data_ptr<float>();
    auto kc = k_cache.data_ptr<float>(), vc = v_cache.data_ptr<float>(), o = out.data_ptr<float>();
    auto c = cos.data_ptr<float>(), sn = sin.data_ptr<float>();
    auto length = lengths.data_ptr<int64_t>();
    auto step = (heads + 2 * s.K) * s.D, half = s.D / 2;
    for (int64_t n = 0; n < s.N; n++) {
        if (length[n] < 0 || length[n] >= s.T) throw std::out_of_range("row " + std::to_string(n) + " has " + std::to_string(length[n]) + " tokens, and its cache holds " + std::to_string(s.T));
    }
    parallel_for(s.N * s.K, 4, [&](int64_t begin, int64_t end) {
        std::vector<float> scores(s.T), query(s.D);
        for (int64_t pair = begin; pair < end; pair++) {
            auto n = pair / s.K, kv = pair % s.K, at = length[n];
            auto row = x + n * step;
            auto keys = kc + pair * s.T * s.D, values = vc + pair * s.T * s.D;
            rotate_pair(row + (heads + kv) * s.D, c + at * half, sn + at * half, half, keys + at * s.D);
            std::memcpy(values + at * s.D, row + (heads + s.K + kv) * s.D, s.D * sizeof(float));
            for (int64_t g = 0; g < s.shared(); g++) {
                auto h = kv * s.shared() + g;
                rotate_pair(row + h * s.D, c + at * half, sn + at * half, half, query.data());
                attend(query.data(), keys, values, at + 1, s.D, s.scale(), scores.data(), o + (n * heads + h) * s.D);
            }
        }
    });
    return out;
}

}  // namespace
}  // namespace plumb

TORCH_LIBRARY_FRAGMENT(plumb, library) {
    library.def("causal_attention(Tensor q, Tensor k, Tensor v) -> Tensor", &plumb::causal_attention);
    library.def("packed_attention(Tensor q, Tensor k, Tensor v, int[] prefixes, int[] counts, int[] suffixes) -> Tensor", &plumb::packed_attention);
    library.def("decode_attention(Tensor qkv, Tensor(a!) k_cache, Tensor(b!) v_cache, Tensor lengths, Tensor cos, Tensor sin, int heads) -> Tensor", &plumb::decode_attention);
}
