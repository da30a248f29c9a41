// What the files of the shim share: tensors as handles, errors as codes.
#pragma once
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <cstdint>
#include <stdexcept>
#include <string>

#define PLUMB_API extern "C" __attribute__((visibility("default")))

namespace plumb {

// A handle is a tensor's implementation with one reference owned by whoever holds the handle; null is the undefined tensor.
using handle = void*;
static_assert(sizeof(at::Tensor) == sizeof(void*), "a tensor is one pointer");

// A handle seen as a tensor, without touching the reference count. The handle must outlive the use.
inline at::Tensor& view(handle& h) { return *reinterpret_cast<at::Tensor*>(&h); }

inline at::Tensor borrow(handle h) {
    if (!h) return at::Tensor();
    return view(h);
}

inline handle release(at::Tensor&& tensor) {
    return tensor.defined() ? static_cast<handle>(tensor.unsafeReleaseTensorImpl()) : nullptr;
}

// What an operator is given must fit, or it would read and write outside its memory.
inline void require(bool fits, const char* message) {
    if (!fits) throw std::invalid_argument(message);
}

// Gradients by hand are not themselves recorded, so a pass that records (create_graph) would lose their share without a word.
inline void first_derivative_only(const char* name) {
    if (at::GradMode::is_enabled()) {
        throw std::logic_error(std::string(name) + " has first derivatives only; for create_graph use its plain composition (PLUMB_FUSED=0)");
    }
}

void set_error(std::string message);
std::string one_line(const std::exception& error);

// Runs a piece of work; 0 when it went well, 1 when the thread's last error says why not.
template <typename Work>
int guard(Work&& work) {
    try {
        work();
        return 0;
    } catch (const std::exception& error) {
        set_error(one_line(error));
    } catch (...) {
        set_error("an unknown native error");
    }
    return 1;
}

}  // namespace plumb
