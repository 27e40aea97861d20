#include "block_order.hpp"

#include "host_cuda.hpp"

unsigned long host_cuda_block() {
    const auto& state = host_cuda::state;
    const auto [x, y, z] = state.block_index;
    return x + state.grid.x * (y + (unsigned long)(state.grid.y) * z);
}
