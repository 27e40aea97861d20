#include "candle.hpp"

#include <cstdint>
#include <map>

namespace {
template <class T> T& argument(void** arguments, int i) { return *static_cast<T*>(arguments[i]); }

// Where element `i` of a view lies: `info` holds its sizes, then its strides; none for contiguous ones.
size_t place(size_t i, size_t dims, const size_t* info) {
    if (info == nullptr) return i;
    size_t at = 0;
    for (size_t d = dims; d-- > 0; i /= info[d]) at += i % info[d] * info[dims + d];
    return at;
}

// (count, dimensions, info, from, to)
template <class From, class To> void convert(void** a) {
    const size_t count = argument<size_t>(a, 0), dims = argument<size_t>(a, 1);
    const auto* info = argument<const size_t*>(a, 2);
    const auto* from = argument<const From*>(a, 3);
    auto* to = argument<To*>(a, 4);
    for (size_t i = 0; i < count; i++) to[i] = To(from[place(i, dims, info)]);
}

// (count, dimensions, info, value, to)
template <class T> void fill(void** a) {
    const size_t count = argument<size_t>(a, 0), dims = argument<size_t>(a, 1);
    const auto* info = argument<const size_t*>(a, 2);
    const T value = argument<T>(a, 3);
    auto* to = argument<T*>(a, 4);
    for (size_t i = 0; i < count; i++) to[place(i, dims, info)] = value;
}

// (from, to, rows, columns, distance of rows in each)
template <class T> void copy_rows(void** a) {
    const auto* from = argument<const T*>(a, 0);
    auto* to = argument<T*>(a, 1);
    const uint32_t rows = argument<uint32_t>(a, 2), columns = argument<uint32_t>(a, 3);
    const size_t from_row = argument<uint32_t>(a, 4), to_row = argument<uint32_t>(a, 5);
    for (uint32_t i = 0; i < rows; i++) {
        for (uint32_t j = 0; j < columns; j++) to[i * to_row + j] = from[i * from_row + j];
    }
}

// (count, dimensions, info, indices, from, to, left, of the source, of the indices, right)
template <class T> void select(void** a) {
    const size_t count = argument<size_t>(a, 0), dims = argument<size_t>(a, 1);
    const auto* info = argument<const size_t*>(a, 2);
    const auto* indices = argument<const uint32_t*>(a, 3);
    const auto* from = argument<const T*>(a, 4);
    auto* to = argument<T*>(a, 5);
    const size_t source = argument<size_t>(a, 7), chosen = argument<size_t>(a, 8), right = argument<size_t>(a, 9);
    for (size_t i = 0; i < count; i++) {
        const size_t left = i / (chosen * right), index = i / right % chosen;
        to[i] = from[(left * source + indices[place(index, dims, info)]) * right + i % right];
    }
}

using Kernels = std::map<std::string, candle::Kernel>;

template <class From> void of_type(Kernels& all, const std::string& from) {
    const std::vector<size_t> view{8, 8, 8, 8, 8};
    all["cast_" + from + "_f32"] = {convert<From, float>, view};
    all["cast_" + from + "_f64"] = {convert<From, double>, view};
    all["cast_" + from + "_u32"] = {convert<From, uint32_t>, view};
    all["cast_" + from + "_u8"] = {convert<From, uint8_t>, view};
    all["cast_" + from + "_i64"] = {convert<From, int64_t>, view};
    all["ucopy_" + from] = {convert<From, From>, view};
    all["is_u32_" + from] = {select<From>, std::vector<size_t>(10, 8)};
    all["copy2d_" + from] = {copy_rows<From>, {8, 8, 4, 4, 4, 4}};
    all["const_set_" + from] = {fill<From>, {8, 8, 8, sizeof(From), 8}};
}
}  // namespace

const candle::Kernel* candle::kernel(const std::string& name) {
    static const Kernels all = [] {
        Kernels all;
        of_type<float>(all, "f32");
        of_type<double>(all, "f64");
        of_type<uint32_t>(all, "u32");
        of_type<uint8_t>(all, "u8");
        of_type<int64_t>(all, "i64");
        return all;
    }();
    const auto found = all.find(name);
    return found == all.end() ? nullptr : &found->second;
}
