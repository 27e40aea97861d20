// The few kernels of candle that programs of this project launch, as loops.
#pragma once
#include <functional>
#include <string>

namespace candle {
// Takes what `cuLaunchKernel` takes; none when there is none of that name.
std::function<void(void**)> kernel(const std::string& name);
}  // namespace candle
