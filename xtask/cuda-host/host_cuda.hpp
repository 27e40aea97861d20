// Runs CUDA kernels on the processor, so that indices, barriers and launch arithmetic are tested where there is no GPU.
//
// A `.cu` file compiled as C++20 with this header is host code. Each CUDA thread of a block is a fiber; blocks run one
// after another, on one core. What finds which mistake:
//   shared memory read before written       every block starts with NaN bytes in it
//   divergent barriers, absent lanes        `launch` returns a message
//   dependence on an order                  seeds: they shuffle threads; odd ones run the blocks from last to first
//   accesses out of bounds, or misaligned   -fsanitize=address,undefined -fsanitize-sections=host_cuda_shared
//   missing barriers: races in a block      -fsanitize=thread, in whatever order the threads happened to run
// Not found: races between blocks (but for seeds), missing fences, slowness. Not supported, as no kernel needs it yet:
// atomics, votes, cooperative groups, PTX, tensor cores, __shared__ in templates, more than 48 KiB of it.
#pragma once
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/tsan_interface.h>
#include <math.h>
#include <ucontext.h>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __shared__ static __attribute__((section("host_cuda_shared")))
#define DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(host_cuda::state.dynamic_shared)
#define EXPORT(kernel) EXPORT_NAMED(kernel)  // `<kernel>_on_host` takes pointers to arguments, as cuLaunchKernel does
#define EXPORT_NAMED(kernel)                                                                                           \
    extern "C" const char* kernel##_on_host(dim3 grid, dim3 block, unsigned shared, uint64_t seed, void** arguments) { \
        return host_cuda::launch(kernel, grid, block, shared, seed, arguments);                                        \
    }                                                                                                                  \
    extern "C" unsigned kernel##_argument_sizes(size_t* sizes) { return host_cuda::sizes(kernel, sizes); }
using std::max, std::min;
struct dim3 { unsigned x, y, z; };
extern "C" char __start_host_cuda_shared[] __attribute__((weak)), __stop_host_cuda_shared[] __attribute__((weak));

namespace host_cuda {
// The scheduler's memory belongs to all fibers: nothing here, nor what it calls, may be seen by the race detector.
#define HOST_CUDA_HIDDEN __attribute__((no_sanitize("thread", "address"), noinline)) inline
#if defined(__SANITIZE_ADDRESS__)
constexpr bool ASAN = true, TSAN = false;
#elif defined(__SANITIZE_THREAD__) && !defined(COUNT_TRAFFIC)
constexpr bool ASAN = false, TSAN = true;
#else
constexpr bool ASAN = false, TSAN = false;
#endif
constexpr unsigned WARP = 32, MOST_THREADS = 1024, STACK = 128 << 10;

struct Fiber {
    ucontext_t context;
    const void* stack;
    size_t stack_size;
    void *race_detector, *fake_stack;
    bool usable;
};
struct Thread {
    dim3 index;
    unsigned number, syncs;
    Fiber* fiber;           // none before it first runs
    enum { Nothing, Block, Warp, End } waits;
    unsigned mask, source;  // of the warp operation that it waits in
    uint64_t bits;          // what it gives to that operation, then what it gets from `source`
};
inline struct State {
    dim3 grid, block, block_index;
    void *dynamic_shared, *context;
    void (*body)(void*);
    uint64_t random;
    Thread* current;
    Fiber main, *left;             // `left`: the one that the running fiber was entered from
    char message[256];
    unsigned threads, at_barrier, barriers, returned, runnable, idle, fibers;
    Thread thread[MOST_THREADS];
    unsigned queue[MOST_THREADS];  // the first `runnable`: threads that can run
    Fiber* spare[MOST_THREADS];    // the first `idle`: fibers without a thread
    Fiber pool[MOST_THREADS];      // the first `fibers`: all there are
} state;
inline std::mutex one_launch_at_a_time;
HOST_CUDA_HIDDEN void entered(Fiber& self) {
    if constexpr (ASAN) __sanitizer_finish_switch_fiber(self.fake_stack, &state.left->stack, &state.left->stack_size);
}

// The race detector is told that this orders nothing.
HOST_CUDA_HIDDEN void enter(Fiber& to, Fiber& from) {
    state.left = &from;
    if constexpr (ASAN) __sanitizer_start_switch_fiber(&from.fake_stack, to.stack, to.stack_size);
    if constexpr (TSAN) __tsan_switch_to_fiber(to.race_detector, __tsan_switch_to_fiber_no_sync);
    swapcontext(&from.context, &to.context);
    entered(from);
}

void fiber_main();
HOST_CUDA_HIDDEN Fiber& spare_fiber() {
    Fiber& fiber = state.idle > 0 ? *state.spare[--state.idle] : state.pool[state.fibers++];
    if (fiber.usable) return fiber;
    if (fiber.context.uc_stack.ss_sp == nullptr) fiber.stack = fiber.context.uc_stack.ss_sp = malloc(STACK);
    if constexpr (TSAN) fiber.race_detector = __tsan_create_fiber(0);
    const stack_t stack{fiber.context.uc_stack.ss_sp, 0, fiber.stack_size = STACK};
    getcontext(&fiber.context);
    fiber.context.uc_stack = stack;
    makecontext(&fiber.context, fiber_main, 0);
    fiber.usable = true;
    return fiber;
}

HOST_CUDA_HIDDEN void make_runnable(Thread& thread) {
    thread.waits = Thread::Nothing;
    state.queue[state.runnable++] = thread.number;
}

// Goes on with a thread picked by chance, or back to `run` when none can go on. Returns when the caller's turn comes.
HOST_CUDA_HIDDEN void yield(Fiber& from) {
    if (state.runnable == 0) return enter(state.main, from);
    state.random = state.random * 6364136223846793005u + 1442695040888963407u;
    unsigned& place = state.queue[(state.random >> 33) % state.runnable];
    state.current = &state.thread[place];
    place = state.queue[--state.runnable];
    if (state.current->fiber == nullptr) state.current->fiber = &spare_fiber();
    if (state.current->fiber != &from) enter(*state.current->fiber, from);
}

// Runs threads, one after another, for ever.
HOST_CUDA_HIDDEN void fiber_main() {
    Fiber& self = *state.current->fiber;
    entered(self);
    for (;;) {
        if constexpr (TSAN) __tsan_acquire(&state.block);
        state.body(state.context);
        if constexpr (TSAN) __tsan_release(&state.grid);
        state.current->waits = Thread::End;
        state.returned++;
        // To the race detector a fiber is a thread: it gets no second one in the same block.
        if (!TSAN) state.spare[state.idle++] = &self;
        yield(self);
    }
}

// Makes the launch fail, once no thread can go on.
HOST_CUDA_HIDDEN void report(const Thread& thread, const char* problem) {
    const auto [x, y, z] = state.block_index;
    snprintf(state.message, 256, "block (%u, %u, %u): thread %u %s", x, y, z, thread.number, problem);
}

HOST_CUDA_HIDDEN void block_barrier() {
    Thread& self = *state.current;
    // Two in turn, so that who wakes late is not ordered after what others did since.
    [[maybe_unused]] void* order = &state.spare[state.barriers % 2];
    if constexpr (TSAN) __tsan_release(order);
    self.waits = Thread::Block;
    if (++state.at_barrier == state.threads) {
        state.at_barrier = 0, state.barriers++;
        for (unsigned i = 0; i < state.threads; i++) make_runnable(state.thread[i]);
    }
    yield(*self.fiber);
    if constexpr (TSAN) __tsan_acquire(order);
}

// Returns the bits that lane `source` gave, when all lanes of `mask` have called it.
HOST_CUDA_HIDDEN uint64_t shuffle_bits(unsigned mask, uint64_t bits, unsigned source, bool orders) {
    Thread& self = *state.current;
    const unsigned first = self.number / WARP * WARP, left = state.threads - first, lanes = left < WARP ? left : WARP;
    Thread* warp = &state.thread[first];
    if (lanes < WARP) mask &= (1u << lanes) - 1;
    if (!(mask >> self.number % WARP & 1)) report(self, "is not in the mask of its warp operation");
    if (!(mask >> source & 1)) report(self, "shuffles from a lane that takes no part");
    [[maybe_unused]] void* order = &warp[self.syncs % 2].bits;
    if constexpr (TSAN) if (orders) self.syncs++, __tsan_release(order);
    self.waits = Thread::Warp, self.mask = mask, self.bits = bits, self.source = source;
    uint64_t given[WARP];
    bool complete = !state.message[0];
    for (unsigned i = 0; i < lanes; i++) {
        given[i] = warp[i].bits;
        complete &= !(mask >> i & 1) || (warp[i].waits == Thread::Warp && warp[i].mask == mask);
    }
    for (unsigned i = 0; complete && i < lanes; i++) {
        if (!(mask >> i & 1)) continue;
        warp[i].bits = given[warp[i].source];
        make_runnable(warp[i]);
    }
    yield(*self.fiber);
    if constexpr (TSAN) if (orders) __tsan_acquire(order);
    return self.bits;
}

HOST_CUDA_HIDDEN void run_block(dim3 at) {
    state.block_index = at;
    state.at_barrier = state.returned = state.runnable = state.idle = 0;
    for (char* byte = __start_host_cuda_shared; byte < __stop_host_cuda_shared; byte++) *byte = char(0xff);
    for (unsigned i = 0; i < state.fibers; i++) state.spare[state.idle++] = &state.pool[i];
    for (unsigned i = 0; i < state.threads; i++) {
        const auto [x, y, z] = state.block;
        state.thread[i] = {{i % x, i / x % y, i / x / y}, i, 0, nullptr, {}, 0, 0, 0};
        if (TSAN) state.thread[i].fiber = &spare_fiber();  // made by another fiber, it would seem to run after that
        make_runnable(state.thread[i]);
    }
    if constexpr (TSAN) __tsan_release(&state.block);
    yield(state.main);
    if constexpr (TSAN) __tsan_acquire(&state.grid);
    if (state.message[0] || state.returned == state.threads) return;
    unsigned stuck = 0;
    while (state.thread[stuck].waits == Thread::End) stuck++;
    report(state.thread[stuck], "waits for others at a barrier or in a warp operation, and they do not come");
}

// Runs all blocks. Returns a message, valid until the next launch, when something was wrong.
inline const char* run(dim3 grid, dim3 block, unsigned shared, uint64_t seed, void (*body)(void*), void* context) {
    const std::lock_guard lock(one_launch_at_a_time);
    const uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z, threads = uint64_t(block.x) * block.y * block.z;
    if (blocks == 0 || threads == 0 || threads > MOST_THREADS || block.z > 64 || max(grid.y, grid.z) > 65535 ||
        grid.x > 0x7fffffff || shared > 48 << 10)
        return "no device takes such a grid, block or shared memory";
    state.grid = grid, state.block = block, state.threads = threads, state.body = body, state.context = context;
    state.random = seed, state.message[0] = 0, state.dynamic_shared = malloc(shared);
    if constexpr (TSAN) state.main.race_detector = __tsan_get_current_fiber();
    for (uint64_t n = 0; n < blocks && !state.message[0]; n++) {
        const uint64_t at = seed % 2 == 0 ? n : blocks - 1 - n;
        memset(state.dynamic_shared, 0xff, shared);
        run_block({unsigned(at % grid.x), unsigned(at / grid.x % grid.y), unsigned(at / grid.x / grid.y)});
    }
    for (unsigned i = 0; state.message[0] && i < state.fibers; i++) state.pool[i].usable = false;
    free(state.dynamic_shared);
    return state.message[0] ? state.message : nullptr;
}

template <class... A>
const char* launch(void (*kernel)(A...), dim3 grid, dim3 block, unsigned shared, uint64_t seed, void** arguments) {
    auto unpack = [=]<size_t... I>(std::index_sequence<I...>) { kernel(*static_cast<A*>(arguments[I])...); };
    auto body = [&] { unpack(std::index_sequence_for<A...>{}); };
    return run(grid, block, shared, seed, [](void* it) { (*static_cast<decltype(body)*>(it))(); }, &body);
}

// How many arguments a kernel takes, and how large they are.
template <class... A> unsigned sizes(void (*)(A...), size_t* of) {
    unsigned count = 0;
    ((of[count++] = sizeof(A)), ...);
    return count;
}

inline int lane() { return state.current->number % WARP; }
template <class T> T fetch(unsigned mask, T value, int from) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = shuffle_bits(mask, bits, from >= 0 && from < int(WARP) ? from : lane(), false);
    memcpy(&value, &bits, sizeof value);
    return value;
}
}  // namespace host_cuda
#define threadIdx (host_cuda::state.current->index)
#define blockIdx (host_cuda::state.block_index)
#define blockDim (host_cuda::state.block)
#define gridDim (host_cuda::state.grid)
inline void __syncthreads() { host_cuda::block_barrier(); }
inline void __syncwarp(unsigned mask = ~0u) { host_cuda::shuffle_bits(mask, 0, host_cuda::lane(), true); }
// As on the device, shuffles order no memory accesses.
template <class T> T __shfl_sync(unsigned m, T x, int at) { return host_cuda::fetch(m, x, at % 32); }
template <class T> T __shfl_xor_sync(unsigned m, T x, int n) { return host_cuda::fetch(m, x, host_cuda::lane() ^ n); }
template <class T> T __shfl_down_sync(unsigned m, T x, int n) { return host_cuda::fetch(m, x, host_cuda::lane() + n); }
