// Tensors as objects: their memory, shape, gradient; and the process around them: grad mode, generators, threads, devices.
#include "plumb.h"
#include "parallel.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>
#if __has_include(<ATen/CPUGeneratorImpl.h>)
#include <ATen/CPUGeneratorImpl.h>
#endif
#include <torch/cuda.h>
#include <torch/utils.h>

#include <cstring>
#include <vector>

using namespace plumb;

namespace {
at::Device to_device(int32_t type, int32_t index) {
    return at::Device(static_cast<at::DeviceType>(type), static_cast<at::DeviceIndex>(index));
}
}  // namespace

PLUMB_API void plumb_free(handle tensor) { at::Tensor dropped = std::move(view(tensor)); }

PLUMB_API handle plumb_share(handle tensor) { return release(borrow(tensor)); }

// Copies plain memory into a new tensor.
PLUMB_API int plumb_from_data(const void* data, const int64_t* shape, int32_t rank, int32_t dtype, int32_t device_type, int32_t device_index, handle* result) {
    return guard([&] {
        auto cpu = at::empty(at::IntArrayRef(shape, rank), at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)));
        if (cpu.numel() > 0) std::memcpy(cpu.data_ptr(), data, cpu.nbytes());
        auto device = to_device(device_type, device_index);
        *result = release(device.is_cpu() ? std::move(cpu) : cpu.to(device));
    });
}

struct Facts {
    int32_t rank, dtype, device_type, device_index;
    int64_t numel;
    uint8_t requires_grad, is_leaf, is_contiguous, is_sparse;
};

PLUMB_API int plumb_facts(handle tensor, Facts* facts) {
    return guard([&] {
        auto& t = view(tensor);
        auto device = t.device();
        *facts = Facts{static_cast<int32_t>(t.dim()), static_cast<int32_t>(t.scalar_type()), static_cast<int32_t>(device.type()), device.index(),
                       t.numel(), t.requires_grad(), t.is_leaf(), t.is_contiguous(), t.is_sparse()};
    });
}

PLUMB_API void plumb_shape(handle tensor, int64_t* shape) {
    auto sizes = view(tensor).sizes();
    std::copy(sizes.begin(), sizes.end(), shape);
}

PLUMB_API void plumb_strides(handle tensor, int64_t* strides) {
    auto sizes = view(tensor).strides();
    std::copy(sizes.begin(), sizes.end(), strides);
}

PLUMB_API int plumb_data(handle tensor, void** data) {
    return guard([&] { *data = view(tensor).data_ptr(); });
}

// One number out of a tensor of one element, whatever its type.
PLUMB_API int plumb_item(handle tensor, double* real, int64_t* integer, int32_t* is_integer) {
    return guard([&] {
        auto scalar = view(tensor).item();
        *is_integer = scalar.isIntegral(true);
        *integer = scalar.isIntegral(true) ? scalar.to<int64_t>() : 0;
        *real = scalar.isIntegral(true) ? static_cast<double>(*integer) : scalar.to<double>();
    });
}

PLUMB_API int plumb_backward(handle tensor, handle gradient, int32_t retain_graph, int32_t create_graph) {
    return guard([&] { view(tensor).backward(borrow(gradient), retain_graph != 0 || create_graph != 0, create_graph != 0); });
}

PLUMB_API int plumb_grad(handle* outputs, int32_t output_count, handle* inputs, int32_t input_count, handle* output_gradients,
                         int32_t retain_graph, int32_t create_graph, int32_t allow_unused, handle* results) {
    return guard([&] {
        torch::autograd::variable_list out, in, gradients;
        for (int32_t i = 0; i < output_count; i++) out.push_back(borrow(outputs[i]));
        for (int32_t i = 0; i < input_count; i++) in.push_back(borrow(inputs[i]));
        if (output_gradients) {
            for (int32_t i = 0; i < output_count; i++) gradients.push_back(borrow(output_gradients[i]));
        }
        auto found = torch::autograd::grad(out, in, gradients, retain_graph != 0, create_graph != 0, allow_unused != 0);
        for (int32_t i = 0; i < input_count; i++) results[i] = release(std::move(found[i]));
    });
}

PLUMB_API int plumb_get_grad(handle tensor, handle* result) {
    return guard([&] { *result = release(at::Tensor(view(tensor).grad())); });
}

PLUMB_API int plumb_set_grad(handle tensor, handle gradient) {
    return guard([&] { view(tensor).mutable_grad() = borrow(gradient); });
}

PLUMB_API int plumb_set_requires_grad(handle tensor, int32_t value) {
    return guard([&] { view(tensor).set_requires_grad(value != 0); });
}

PLUMB_API int plumb_retain_grad(handle tensor) {
    return guard([&] { view(tensor).retain_grad(); });
}

// Gives a tensor the memory of another; both handles stay valid.
PLUMB_API int plumb_set_data(handle tensor, handle data) {
    return guard([&] { view(tensor).set_data(borrow(data)); });
}

PLUMB_API int32_t plumb_get_grad_mode() { return at::GradMode::is_enabled(); }
PLUMB_API void plumb_set_grad_mode(int32_t enabled) { at::GradMode::set_enabled(enabled != 0); }

PLUMB_API int plumb_manual_seed(int64_t seed) {
    return guard([&] { torch::manual_seed(static_cast<uint64_t>(seed)); });
}

PLUMB_API int plumb_generator_new(int32_t device_type, int32_t device_index, int64_t seed, void** result) {
    return guard([&] {
        if (to_device(device_type, device_index).is_cpu()) {
            *result = new at::Generator(at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(seed)));
        } else {
            auto generator = at::globalContext().defaultGenerator(to_device(device_type, device_index)).clone();
            generator.set_current_seed(static_cast<uint64_t>(seed));
            *result = new at::Generator(std::move(generator));
        }
    });
}

PLUMB_API int plumb_generator_default(int32_t device_type, int32_t device_index, void** result) {
    return guard([&] { *result = new at::Generator(at::globalContext().defaultGenerator(to_device(device_type, device_index))); });
}

PLUMB_API void plumb_generator_free(void* generator) { delete static_cast<at::Generator*>(generator); }

PLUMB_API int plumb_generator_seed(void* generator, int64_t seed) {
    return guard([&] { static_cast<at::Generator*>(generator)->set_current_seed(static_cast<uint64_t>(seed)); });
}

PLUMB_API int64_t plumb_generator_initial_seed(void* generator) {
    return static_cast<int64_t>(static_cast<at::Generator*>(generator)->current_seed());
}

PLUMB_API int plumb_generator_get_state(void* generator, handle* result) {
    return guard([&] { *result = release(static_cast<at::Generator*>(generator)->get_state()); });
}

PLUMB_API int plumb_generator_set_state(void* generator, handle state) {
    return guard([&] { static_cast<at::Generator*>(generator)->set_state(borrow(state)); });
}

PLUMB_API int32_t plumb_get_threads() { return at::get_num_threads(); }

PLUMB_API void plumb_set_threads(int32_t count) {
    at::set_num_threads(count);
    set_parallel_threads(count);
}

PLUMB_API int32_t plumb_cuda_devices() {
    int32_t count = 0;
    guard([&] { count = torch::cuda::is_available() ? static_cast<int32_t>(torch::cuda::device_count()) : 0; });
    return count;
}

PLUMB_API int plumb_cuda_synchronize(int32_t index) {
    return guard([&] { torch::cuda::synchronize(index); });
}

PLUMB_API const char* plumb_version() { return TORCH_VERSION; }

PLUMB_API const char* plumb_config() {
    static const std::string text = at::show_config();
    return text.c_str();
}
