// What every kernel includes. Each `kernel.cu` is compiled once for each number type: by nvcc for devices, and by a C++
// compiler to run on the processor, where it is tested. There `__shared__` must not be in a template, and every kernel
// needs `EXPORT(KERNEL(name))` after it.
#pragma once
#ifdef __CUDACC__
#define EXPORT(kernel)
#define DYNAMIC_SHARED(type, name)                                \
    extern __shared__ __align__(16) unsigned char name##_bytes[]; \
    type* name = reinterpret_cast<type*>(name##_bytes)
#define HOST_DEVICE __device__ __forceinline__
#else
#include "host_cuda.hpp"
#define HOST_DEVICE inline
#endif

#ifndef REAL
#define REAL float
#define KERNEL(name) name##_f32
#endif
using Real = REAL;
using u8 = unsigned char;
using u32 = unsigned int;
using u64 = unsigned long long;

constexpr u32 ALL_LANES = 0xffffffffu;

// Sixteen bytes: the widest load and store of one thread.
constexpr u32 PACK = 16 / sizeof(Real);
struct alignas(16) Reals { Real at[PACK]; };
struct alignas(4 * PACK) Indices { u32 at[PACK]; };

// Where a thread begins and how far it goes in a loop over everything that a grid does along x.
HOST_DEVICE u32 first_index() { return blockIdx.x * blockDim.x + threadIdx.x; }
HOST_DEVICE u32 all_threads() { return gridDim.x * blockDim.x; }

HOST_DEVICE bool is_packed(const void* place) { return u64(place) % 16 == 0; }

// The operands of an operation on elements, with their strides, in a common shape: as `Strides` of Rust.
constexpr u32 MOST_DIMS = 8;
template <u32 N> struct Strided {
    u32 dims;
    u32 sizes[MOST_DIMS];
    u32 strides[N][MOST_DIMS];

    // Where the element of that row-major number lies in each operand.
    HOST_DEVICE void places(u32 number, u32 (&at)[N]) const {
        for (u32 o = 0; o < N; o++) at[o] = 0;
        for (u32 d = dims; d-- > 0;) {
            const u32 index = number % sizes[d];
            number /= sizes[d];
            for (u32 o = 0; o < N; o++) at[o] += index * strides[o][d];
        }
    }
};

// The sum over the threads of a block of whole warps, in all of its threads; always in the same order. `scratch` has
// room for 33 numbers and may be used again at once.
template <class T> HOST_DEVICE T block_sum(T sum, T* scratch) {
    const u32 lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    for (u32 by = 16; by > 0; by /= 2) sum += __shfl_down_sync(ALL_LANES, sum, by);
    if (lane == 0) scratch[warp] = sum;
    __syncthreads();
    if (warp == 0) {
        sum = lane < warps ? scratch[lane] : T(0);
        for (u32 by = 16; by > 0; by /= 2) sum += __shfl_down_sync(ALL_LANES, sum, by);
        if (lane == 0) scratch[32] = sum;
    }
    __syncthreads();
    sum = scratch[32];
    __syncthreads();
    return sum;
}
