// Reaches every operator of libtorch by name: plain tagged values in, the dispatcher's boxed call, tagged values out.
#include "plumb.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <cstring>
#include <utility>
#include <vector>

namespace plumb {

thread_local std::string last_error;

void set_error(std::string message) { last_error = std::move(message); }

// The first lines of a libtorch error say what is wrong; the rest is where in its C++ code.
std::string one_line(const std::exception& error) {
    std::string text;
    if (auto c10_error = dynamic_cast<const c10::Error*>(&error)) {
        text = c10_error->what_without_backtrace();
    } else {
        text = error.what();
    }
    for (const char* marker : {"\nException raised from", "\nframe #", "\nThe above operation"}) {
        auto at = text.find(marker);
        if (at != std::string::npos) text.resize(at);
    }
    for (auto& c : text) {
        if (c == '\n') c = ' ';
    }
    return text;
}

enum Tag : int32_t {
    none = 0, tensor = 1, integer = 2, real = 3, boolean = 4, text = 5, integers = 6, reals = 7, tensors = 8,
    optional_tensors = 9, booleans = 10, device = 11, generator = 12, missing = 13
};

struct Value {
    int32_t tag;
    int32_t count;
    union {
        int64_t i;
        double d;
        void* p;
    };
};
static_assert(sizeof(Value) == 16, "a value is 16 bytes, in C# too");

namespace {

// c10's optional in libtorch 1.13 and 2.0, the standard's from then on: whatever this libtorch says itself.
using OptionalTensor = decltype(std::declval<c10::IValue>().toOptional<at::Tensor>());

// The argument's type decides how a number is meant: C# has one literal for 1 and 1.0.
bool is_float(const c10::TypePtr& type) {
    if (type->kind() == c10::TypeKind::FloatType) return true;
    return type->kind() == c10::TypeKind::OptionalType && is_float(type->castRaw<c10::OptionalType>()->getElementType());
}

c10::IValue to_ivalue(const Value& value, const c10::Argument& argument) {
    switch (value.tag) {
        case none: return c10::IValue();
        case tensor: return c10::IValue(borrow(value.p));
        case integer: return is_float(argument.type()) ? c10::IValue(static_cast<double>(value.i)) : c10::IValue(value.i);
        case real: return c10::IValue(value.d);
        case boolean: return c10::IValue(value.i != 0);
        case text: return c10::IValue(std::string(static_cast<const char*>(value.p), value.count));
        case integers: {
            auto data = static_cast<const int64_t*>(value.p);
            return c10::IValue(std::vector<int64_t>(data, data + value.count));
        }
        case reals: {
            auto data = static_cast<const double*>(value.p);
            return c10::IValue(std::vector<double>(data, data + value.count));
        }
        case booleans: {
            c10::List<bool> list;
            auto data = static_cast<const uint8_t*>(value.p);
            for (int32_t i = 0; i < value.count; i++) list.push_back(data[i] != 0);
            return c10::IValue(std::move(list));
        }
        case tensors: {
            auto data = static_cast<handle*>(value.p);
            std::vector<at::Tensor> list;
            list.reserve(value.count);
            for (int32_t i = 0; i < value.count; i++) list.push_back(borrow(data[i]));
            return c10::IValue(std::move(list));
        }
        case optional_tensors: {
            auto data = static_cast<handle*>(value.p);
            c10::List<OptionalTensor> list;
            for (int32_t i = 0; i < value.count; i++) list.push_back(data[i] ? OptionalTensor(borrow(data[i])) : OptionalTensor());
            return c10::IValue(std::move(list));
        }
        case device:
            return c10::IValue(c10::Device(static_cast<c10::DeviceType>(value.i & 0xff), static_cast<c10::DeviceIndex>((value.i >> 8) - 1)));
        case generator:
            return c10::IValue(*static_cast<at::Generator*>(value.p));
        default: break;
    }
    if (argument.default_value().has_value()) return *argument.default_value();
    throw std::invalid_argument("the argument '" + argument.name() + "' has no default and was not given");
}

void add_output(const c10::IValue& result, Value*& out, Value* end) {
    if (out == end) throw std::length_error("the operator has more results than there is room for");
    std::memset(out, 0, sizeof(Value));
    if (result.isTensor()) {
        out->tag = tensor;
        out->p = release(at::Tensor(result.toTensor()));
    } else if (result.isInt()) {
        out->tag = integer;
        out->i = result.toInt();
    } else if (result.isDouble()) {
        out->tag = real;
        out->d = result.toDouble();
    } else if (result.isBool()) {
        out->tag = boolean;
        out->i = result.toBool();
    } else if (result.isTensorList()) {
        for (const at::Tensor& item : result.toTensorVector()) {
            if (out == end) throw std::length_error("the operator has more results than there is room for");
            std::memset(out, 0, sizeof(Value));
            out->tag = tensor;
            out->p = release(at::Tensor(item));
            out++;
        }
        return;
    } else if (result.isNone()) {
        out->tag = none;
    } else {
        throw std::invalid_argument("the operator gave a result of type " + result.tagKind());
    }
    out++;
}

}  // namespace
}  // namespace plumb

using namespace plumb;

PLUMB_API const char* plumb_last_error() { return last_error.c_str(); }

// An operator's handle lives as long as the process.
PLUMB_API int plumb_find(const char* name, const char* overload, void** found) {
    return guard([&] { *found = new c10::OperatorHandle(c10::Dispatcher::singleton().findSchemaOrThrow(name, overload)); });
}

PLUMB_API int plumb_exists(const char* name, const char* overload) {
    try {
        return c10::Dispatcher::singleton().findSchema({name, overload}).has_value() ? 1 : 0;
    } catch (...) {
        return 0;
    }
}

// Calls an operator. `results` has room for `*result_count` values and is told how many there are; tensors in it are owned by the caller.
PLUMB_API int plumb_call(void* op, const Value* arguments, int32_t argument_count, Value* results, int32_t* result_count) {
    return guard([&] {
        auto& handle = *static_cast<c10::OperatorHandle*>(op);
        const auto& schema = handle.schema();
        const auto& wanted = schema.arguments();
        if (static_cast<size_t>(argument_count) > wanted.size()) {
            throw std::invalid_argument("the operator takes " + std::to_string(wanted.size()) + " arguments, not " + std::to_string(argument_count));
        }
        torch::jit::Stack stack;
        stack.reserve(wanted.size());
        static const Value absent{missing, 0, {0}};
        for (size_t i = 0; i < wanted.size(); i++) {
            stack.push_back(to_ivalue(i < static_cast<size_t>(argument_count) ? arguments[i] : absent, wanted[i]));
        }
        handle.callBoxed(&stack);
        auto out = results;
        auto end = results + *result_count;
        try {
            for (const auto& result : stack) add_output(result, out, end);
        } catch (...) {
            for (auto made = results; made != out; made++) {
                if (made->tag == tensor && made->p) at::Tensor dropped = std::move(view(made->p));
            }
            throw;
        }
        *result_count = static_cast<int32_t>(out - results);
    });
}

// The hottest operators without boxing. Two small plain float tensors of one shape, with no gradient to record, don't even take the
// dispatcher: the same IEEE operation an element, without the 0.4 microseconds that it takes to find that out.
namespace plumb {
namespace {

constexpr int64_t small = 256;

bool is_plain(const at::Tensor& x) {
    // A tensor with any speciality (sparse, a view that negates, another device, a subclass) has other dispatch keys.
    static const auto keys = at::empty({0}, at::kFloat).key_set();
    return x.key_set() == keys && x.scalar_type() == at::kFloat && x.numel() <= small && x.is_contiguous();
}

template <typename Operation>
bool directly(const at::Tensor& a, const at::Tensor& b, handle* result, Operation&& operation) {
    if (!is_plain(a) || !is_plain(b) || a.sizes() != b.sizes() || (at::GradMode::is_enabled() && (a.requires_grad() || b.requires_grad()))) return false;
    auto c = at::empty(a.sizes(), at::kFloat);
    auto x = static_cast<const float*>(a.data_ptr()), y = static_cast<const float*>(b.data_ptr());
    auto z = static_cast<float*>(c.data_ptr());
    for (int64_t i = 0, count = c.numel(); i < count; i++) z[i] = operation(x[i], y[i]);
    *result = release(std::move(c));
    return true;
}

}  // namespace
}  // namespace plumb

#define PLUMB_ELEMENTWISE(name, sign)                                                                          \
    PLUMB_API int plumb_##name(handle a, handle b, handle* result) {                                           \
        return guard([&] {                                                                                     \
            if (directly(view(a), view(b), result, [](float x, float y) { return x sign y; })) return;         \
            *result = release(at::name(view(a), view(b)));                                                     \
        });                                                                                                    \
    }
PLUMB_ELEMENTWISE(add, +)
PLUMB_ELEMENTWISE(sub, -)
PLUMB_ELEMENTWISE(mul, *)
PLUMB_ELEMENTWISE(div, /)

PLUMB_API int plumb_matmul(handle a, handle b, handle* result) {
    return guard([&] { *result = release(at::matmul(view(a), view(b))); });
}
