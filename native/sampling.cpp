// Draws one token a row by inverting the cumulative distribution at a given uniform number.
// A row is read alone, in double precision from left to right: the other rows can't change what it draws.
#include "plumb.h"
#include "parallel.h"

#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace plumb {
namespace {

template <typename T>
void draw(const T* x, int64_t V, double uniform, double temperature, int64_t top_k, double top_p, std::vector<double>& p, std::vector<int64_t>& order, int64_t& token, double& logp) {
    int64_t best = std::max_element(x, x + V) - x;
    double top = x[best], heat = temperature > 0 ? temperature : 1.0, sum = 0;
    for (int64_t v = 0; v < V; v++) sum += p[v] = std::exp((static_cast<double>(x[v]) - top) / heat);
    if (!(sum > 0 && sum < INFINITY)) throw std::invalid_argument("has no distribution: its logits are not numbers, or all minus infinity");
    auto log_of = [&](int64_t v) { return (static_cast<double>(x[v]) - top) / heat - std::log(sum); };
    if (temperature <= 0) {
        token = best;
        logp = log_of(best);
        return;
    }
    double mass = sum;
    if ((top_k > 0 && top_k < V) || top_p < 1) {
        // The likeliest first; of equals the lower id.
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return p[a] > p[b]; });
        int64_t kept = top_k > 0 ? std::min(top_k, V) : V;
        double seen = 0, limit = top_p * std::accumulate(order.begin(), order.begin() + kept, 0.0, [&](double s, int64_t v) { return s + p[v]; });
        int64_t count = 0;
        while (count < kept && (count == 0 || seen < limit)) seen += p[order[count++]];
        for (int64_t i = count; i < V; i++) p[order[i]] = 0;
        mass = seen;
    }
    double target = uniform * mass, running = 0;
    token = -1;
    for (int64_t v = 0; v < V; v++) {
        if (p[v] == 0) continue;
        token = v;
        running += p[v];
        if (running > target) break;
    }
    logp = log_of(token);
}

// logits [N,V], uniforms [N] float64. Gives tokens [N] and their log-probabilities [N] at the temperature, before top-k and top-p.
std::tuple<at::Tensor, at::Tensor> sample_rows(const at::Tensor& logits0, const at::Tensor& uniforms, double temperature, int64_t top_k, double top_p) {
    auto logits = logits0.detach().to(at::kCPU);
    if (logits.scalar_type() != at::kDouble) logits = logits.to(at::kFloat);
    logits = logits.contiguous();
    require(logits.dim() == 2 && logits.size(1) > 0 && uniforms.dim() == 1 && uniforms.size(0) == logits.size(0), "sample_rows takes logits [N,V] and uniforms [N]");
    auto N = logits.size(0), V = logits.size(1);
    auto tokens = at::empty({N}, at::kLong), logps = at::empty({N}, at::kFloat);
    auto t = tokens.data_ptr<int64_t>();
    auto l = logps.data_ptr<float>();
    auto given = uniforms.to(at::kCPU).contiguous();
    auto u = given.data_ptr<double>();
    parallel_for(N, 8, [&](int64_t begin, int64_t end) {
        std::vector<double> p(V);
        std::vector<int64_t> order(V);
        for (int64_t n = begin; n < end; n++) {
            double logp;
            try {
                if (logits.scalar_type() == at::kDouble) {
                    draw(logits.data_ptr<double>() + n * V, V, u[n], temperature, top_k, top_p, p, order, t[n], logp);
                } else {
                    draw(logits.data_ptr<float>() + n * V, V, u[n], temperature, top_k, top_p, p, order, t[n], logp);
                }
            } catch (const std::invalid_argument& error) {
                throw std::invalid_argument("row " + std::to_string(n) + " " + error.what());
            }
            l[n] = static_cast<float>(logp);
        }
    });
    return {tokens.to(logits0.device()), logps};
}

}  // namespace
}  // namespace plumb

TORCH_LIBRARY_FRAGMENT(plumb, library) {
    library.def("sample_rows(Tensor logits, Tensor uniforms, float temperature, int top_k, float top_p) -> (Tensor, Tensor)", &plumb::sample_rows);
}
