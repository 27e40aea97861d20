// The few kernels of candle that programs of this project launch, as loops.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace candle {
// `run` takes what `cuLaunchKernel` takes.
struct Kernel {
    void (*run)(void** arguments);
    std::vector<size_t> sizes;  // of the arguments
};
// None when there is none of that name.
const Kernel* kernel(const std::string& name);
}  // namespace candle
