// Lines along a dimension of a contiguous tensor, and the threads that go along one together: `lanes` neighbours of a
// warp, a power of two, or all of a block of whole warps.
#pragma once
#include "kernel.cuh"

// As `Lines` of Rust: `count` lines of `length` numbers that are `inner` apart, as are neighbouring lines of a run of
// `inner`.
struct Lines {
    u32 count, length, inner, lanes;

    HOST_DEVICE bool by_block() const { return lanes > 32; }
    // Of a block, and the first of them for this block; the loop over those is the same for all threads.
    HOST_DEVICE u32 at_once() const { return by_block() ? 1 : blockDim.x / lanes; }
    HOST_DEVICE u32 number(u32 first) const { return by_block() ? first : first + threadIdx.x / lanes; }
    HOST_DEVICE u32 lane() const { return by_block() ? threadIdx.x : threadIdx.x % lanes; }
    HOST_DEVICE u32 step() const { return by_block() ? blockDim.x : lanes; }
    HOST_DEVICE u64 start(u32 line) const {
        return inner == 1 ? u64(line) * length : u64(line / inner) * length * inner + line % inner;
    }
};

struct Plus {
    template <class T> HOST_DEVICE T operator()(T a, T b) const { return a + b; }
};
// The largest number; of NaN and a number, NaN.
struct Larger {
    template <class T> HOST_DEVICE T operator()(T a, T b) const { return a > b || a != a ? a : b; }
};
struct Smaller {
    template <class T> HOST_DEVICE T operator()(T a, T b) const { return a < b || a != a ? a : b; }
};

// What the threads of each line have, put together in all of them, always in the same order. All threads of the block
// take part; `scratch` has room for 32 numbers and may be used again at once.
template <class T, class F> HOST_DEVICE T together(T x, const Lines& of, T* scratch, F f) {
    const u32 lanes = of.by_block() ? 32 : of.lanes;
    for (u32 by = lanes / 2; by > 0; by /= 2) x = f(x, __shfl_xor_sync(ALL_LANES, x, by));
    if (!of.by_block()) return x;
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = x;
    __syncthreads();
    x = scratch[0];
    for (u32 warp = 1; warp < blockDim.x / 32; warp++) x = f(x, scratch[warp]);
    __syncthreads();
    return x;
}

// The sum of the numbers of the threads up to this one along its line; `total` is that of all.
HOST_DEVICE double running_sum(double x, const Lines& of, double* scratch, double& total) {
    const u32 lanes = of.by_block() ? 32 : of.lanes, lane = threadIdx.x % lanes, first = threadIdx.x % 32 - lane;
    for (u32 by = 1; by < lanes; by *= 2) {
        const double before = __shfl_sync(ALL_LANES, x, first + (lane < by ? lane : lane - by));
        if (lane >= by) x += before;
    }
    total = __shfl_sync(ALL_LANES, x, first + lanes - 1);
    if (!of.by_block()) return x;
    const u32 warp = threadIdx.x / 32;
    if (lane == 31) scratch[warp] = x;
    __syncthreads();
    double before = 0;
    for (u32 w = 0; w < warp; w++) before += scratch[w];
    total = before;
    for (u32 w = warp; w < blockDim.x / 32; w++) total += scratch[w];
    __syncthreads();
    return before + x;
}
