// A CUDA driver, and cuBLAS, on the processor: a program that was built for a GPU runs with these libraries as it is.
// Memory of the device is memory of the host, filled with NaN; kernels are those of this project, run by host_cuda.hpp.
// What is not here answers CUDA_ERROR_NOT_SUPPORTED.
//
//   CUDA_HOST_SEED=N       the order of threads and blocks
//   CUDA_HOST_REPORT=FILE  at the end: what was launched, allocated and copied, and what kernels moved
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "candle.hpp"
#include "traffic.hpp"

using Result = int;
using Pointer = unsigned long long;
struct dim3 { unsigned x, y, z; };
using OnHost = const char* (*)(dim3, dim3, unsigned, uint64_t, void**);
using Sizes = unsigned (*)(size_t*);
enum : Result { SUCCESS = 0, INVALID_VALUE = 1, INVALID_HANDLE = 400, NOT_FOUND = 500, LAUNCH_FAILED = 719, NOT_SUPPORTED = 801, NOT_WHILE_CAPTURED = 900, CAPTURE_INVALIDATED = 901 };

namespace {
struct Function {
    std::string name;
    OnHost ours;                    // of this project, or
    const candle::Kernel* candles;  // of candle
    std::vector<size_t> sizes;      // of the arguments
    long launches;
    Traffic traffic;
};
struct Totals { long launches, products, allocations, frees, uploads, downloads, copies, fills, events, waits, replays, replayed_launches, replayed_products; long long allocated, uploaded, downloaded; };

struct Graph {
    std::vector<std::function<Result()>> nodes;
    std::vector<void*> memory;  // freed while it was captured: its nodes still use it
    std::set<Pointer> own;      // allocated while it was captured, and not freed yet
    bool valid = true;
    ~Graph() { for (void* each : memory) free(each); }
};
struct Driver {
    std::recursive_mutex lock;
    std::map<std::string, std::unique_ptr<Function>> functions;
    std::map<Pointer, size_t> memory;
    Totals totals{};
    Graph* captured = nullptr;
    bool replaying = false;
    uint64_t seed = getenv("CUDA_HOST_SEED") ? strtoull(getenv("CUDA_HOST_SEED"), nullptr, 10) : 0;
    ~Driver() {
        const char* path = getenv("CUDA_HOST_REPORT");
        FILE* out = path ? fopen(path, "w") : nullptr;
        if (out == nullptr) return;
        const Totals& t = totals;
        fprintf(out, "launches %ld\nproducts %ld\nreplays %ld\nreplayed_launches %ld\nreplayed_products %ld\nallocations %ld\nallocated_bytes %lld\nfrees %ld\nuploads %ld\nuploaded_bytes %lld\n"
                "downloads %ld\ndownloaded_bytes %lld\ncopies %ld\nfills %ld\nevents %ld\nwaits %ld\n",
                t.launches, t.products, t.replays, t.replayed_launches, t.replayed_products, t.allocations, t.allocated, t.frees, t.uploads, t.uploaded, t.downloads, t.downloaded,
                t.copies, t.fills, t.events, t.waits);
        for (const auto& [name, function] : functions) {
            if (function->launches == 0) continue;
            fprintf(out, "kernel %s %ld %lld %lld\n", name.c_str(), function->launches, function->traffic.moved, function->traffic.touched);
        }
        fclose(out);
    }
};
// Never destroyed by order of libraries alone: written when the process ends.
Driver& driver() { static Driver it; return it; }
#define LOCK auto& d = driver(); const std::lock_guard guard(d.lock)
// A graph that was done something to that it cannot hold takes nothing more.
#define LOCK_AND_CAPTURE LOCK; if (d.captured != nullptr && !d.captured->valid) return CAPTURE_INVALIDATED

// Does it now, or writes it down when a graph is captured.
Result now_or_captured(std::function<Result()> work) {
    auto& d = driver();
    if (d.captured == nullptr) return work();
    d.captured->nodes.push_back(std::move(work));
    return SUCCESS;
}

Result launch(Function& function, dim3 grid, dim3 block, unsigned shared, void** arguments) {
    auto& d = driver();
    function.launches++;
    if (d.replaying) d.totals.replayed_launches++;
    if (function.candles != nullptr) return function.candles->run(arguments), SUCCESS;
    traffic::begin(&function.traffic);
    // Both directions of blocks come up, whatever the seed is.
    const char* problem = function.ours(grid, block, shared, d.seed + uint64_t(function.launches), arguments);
    traffic::end();
    if (problem == nullptr) return SUCCESS;
    fprintf(stderr, "kernel %s, grid (%u, %u, %u), block (%u, %u, %u): %s\n", function.name.c_str(), grid.x, grid.y, grid.z, block.x,
            block.y, block.z, problem);
    return LAUNCH_FAILED;
}

template <class T>
void product(bool ta, bool tb, long m, long n, long k, double alpha, const T* a, long lda, const T* b, long ldb, double beta, T* c, long ldc) {
    for (long j = 0; j < n; j++) {
        for (long i = 0; i < m; i++) {
            double sum = 0;
            for (long l = 0; l < k; l++) sum += double(a[ta ? i * lda + l : l * lda + i]) * double(b[tb ? l * ldb + j : j * ldb + l]);
            // As cuBLAS does, what is multiplied with zero is not read.
            c[j * ldc + i] = T(alpha * sum + (beta == 0 ? 0 : beta * double(c[j * ldc + i])));
        }
    }
}

template <class T>
Result products(int ta, int tb, int m, int n, int k, double alpha, const void* a, int lda, long long sa, const void* b, int ldb, long long sb,
                double beta, void* c, int ldc, long long sc, int count) {
    if (m < 0 || n < 0 || k < 0 || count < 0 || lda < std::max(1, ta ? k : m) || ldb < std::max(1, tb ? n : k) || ldc < std::max(1, m)) return 7;
    auto& d = driver();
    if (d.captured == nullptr) d.totals.products++;
    return now_or_captured([=, &d] {
        if (d.replaying) d.totals.replayed_products++;
        for (int i = 0; i < count; i++) {
            product(ta != 0, tb != 0, m, n, k, alpha, static_cast<const T*>(a) + i * sa, lda, static_cast<const T*>(b) + i * sb, ldb, beta,
                    static_cast<T*>(c) + i * sc, ldc);
        }
        return SUCCESS;
    });
}
}  // namespace

extern "C" {
Result cuInit(unsigned) { return SUCCESS; }
Result cuDriverGetVersion(int* version) { *version = 13000; return SUCCESS; }
Result cuDeviceGet(int* device, int) { *device = 0; return SUCCESS; }
Result cuDeviceGetCount(int* count) { *count = 1; return SUCCESS; }
Result cuDeviceGetName(char* name, int length, int) { snprintf(name, size_t(length), "the processor, as a CUDA device"); return SUCCESS; }
Result cuDeviceGetAttribute(int* value, int attribute, int) {
    // What programs ask for, with the answers of an H100.
    static const std::map<int, int> known{{1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 0x7fffffff}, {6, 65535}, {7, 65535}, {8, 49152},
                                          {10, 32}, {16, 132}, {38, 50 << 20}, {39, 2048}, {75, 9}, {76, 0}, {115, 1}};
    const auto found = known.find(attribute);
    *value = found == known.end() ? 1 : found->second;
    return SUCCESS;
}
Result cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = size_t(80) << 30; return SUCCESS; }
Result cuMemGetInfo_v2(size_t* unused, size_t* total) { *unused = *total = size_t(80) << 30; return SUCCESS; }
Result cuDevicePrimaryCtxRetain(void** context, int) { *context = reinterpret_cast<void*>(0x10); return SUCCESS; }
Result cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
Result cuCtxGetCurrent(void** context) { *context = reinterpret_cast<void*>(0x10); return SUCCESS; }
Result cuCtxSetCurrent(void*) { return SUCCESS; }
Result cuCtxSynchronize() { return SUCCESS; }
Result cuDeviceGetDefaultMemPool(void** pool, int) { *pool = reinterpret_cast<void*>(0x15); return SUCCESS; }
Result cuMemPoolSetAttribute(void*, int, void*) { return SUCCESS; }
Result cuMemPoolTrimTo(void*, size_t) { return SUCCESS; }
Result cuStreamCreate(void** stream, unsigned) { *stream = reinterpret_cast<void*>(0x20); return SUCCESS; }
Result cuStreamDestroy_v2(void*) { return SUCCESS; }
Result cuStreamSynchronize(void*);
Result cuEventCreate(void** event, unsigned) { LOCK; *event = reinterpret_cast<void*>(0x30); d.totals.events++; return SUCCESS; }
Result cuEventDestroy_v2(void*) { LOCK; d.totals.events++; return SUCCESS; }
Result cuEventRecord(void*, void*) { LOCK; d.totals.events++; return SUCCESS; }
Result cuEventSynchronize(void*) { return SUCCESS; }
Result cuEventElapsedTime_v2(float* milliseconds, void*, void*) { *milliseconds = 1; return SUCCESS; }
Result cuStreamWaitEvent(void*, void*, unsigned) { LOCK; d.totals.waits++; return SUCCESS; }

Result cuMemAllocAsync(Pointer* place, size_t bytes, void*) {
    LOCK_AND_CAPTURE;
    if (bytes == 0) return INVALID_VALUE;
    void* found = malloc(bytes);
    if (found == nullptr) return 2;
    memset(found, 0xff, bytes);
    *place = Pointer(found);
    d.memory[*place] = bytes;
    traffic::allocated(found, bytes);
    d.totals.allocations++, d.totals.allocated += (long long)bytes;
    if (d.captured != nullptr) d.captured->own.insert(*place);
    return SUCCESS;
}
Result cuMemAlloc_v2(Pointer* place, size_t bytes) { return cuMemAllocAsync(place, bytes, nullptr); }
Result cuMemFreeAsync(Pointer place, void*) {
    LOCK_AND_CAPTURE;
    // A graph frees what it allocated, and nothing else.
    if (d.captured != nullptr && d.captured->own.erase(place) == 0) {
        fprintf(stderr, "memory from before a graph was freed while it was captured\n");
        d.captured->valid = false;
        return NOT_WHILE_CAPTURED;
    }
    if (d.memory.erase(place) == 0) return INVALID_VALUE;
    d.totals.frees++;
    traffic::freed(reinterpret_cast<void*>(place));
    if (d.captured != nullptr) d.captured->memory.push_back(reinterpret_cast<void*>(place));
    else free(reinterpret_cast<void*>(place));
    return SUCCESS;
}
Result cuMemFree_v2(Pointer place) { return cuMemFreeAsync(place, nullptr); }
Result cuMemcpyHtoDAsync_v2(Pointer to, const void* from, size_t bytes, void*) {
    LOCK;
    if (d.captured != nullptr) return d.captured->valid = false, NOT_WHILE_CAPTURED;
    d.totals.uploads++, d.totals.uploaded += (long long)bytes;
    memcpy(reinterpret_cast<void*>(to), from, bytes);
    return SUCCESS;
}
Result cuMemcpyHtoD_v2(Pointer to, const void* from, size_t bytes) { return cuMemcpyHtoDAsync_v2(to, from, bytes, nullptr); }
Result cuMemcpyDtoHAsync_v2(void* to, Pointer from, size_t bytes, void*) {
    LOCK;
    if (d.captured != nullptr) return d.captured->valid = false, NOT_WHILE_CAPTURED;
    d.totals.downloads++, d.totals.downloaded += (long long)bytes;
    memcpy(to, reinterpret_cast<void*>(from), bytes);
    return SUCCESS;
}
Result cuMemcpyDtoH_v2(void* to, Pointer from, size_t bytes) { return cuMemcpyDtoHAsync_v2(to, from, bytes, nullptr); }
Result cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t bytes, void*) {
    LOCK_AND_CAPTURE;
    d.totals.copies++;
    return now_or_captured([=] { memcpy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes); return SUCCESS; });
}
Result cuMemsetD8Async(Pointer to, unsigned char value, size_t bytes, void*) {
    LOCK_AND_CAPTURE;
    d.totals.fills++;
    return now_or_captured([=] { memset(reinterpret_cast<void*>(to), value, bytes); return SUCCESS; });
}

Result cuModuleLoadData(void** module, const void*) { *module = reinterpret_cast<void*>(0x40); return SUCCESS; }
Result cuModuleUnload(void*) { return SUCCESS; }
Result cuModuleGetFunction(void** result, void*, const char* name) {
    LOCK;
    auto& function = d.functions[name];
    if (function == nullptr) {
        static void* here = [] {
            Dl_info own;
            return dladdr(reinterpret_cast<void*>(&cuInit), &own) ? dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD) : nullptr;
        }();
        const std::string text = name;
        const auto ours = OnHost(dlsym(here, (text + "_on_host").c_str()));
        const auto count = Sizes(dlsym(here, (text + "_argument_sizes").c_str()));
        const candle::Kernel* candles = candle::kernel(text);
        std::vector<size_t> sizes(64);
        if (count != nullptr) sizes.resize(count(sizes.data()));
        if (candles != nullptr) sizes = candles->sizes;
        function = std::make_unique<Function>(Function{text, ours, candles, sizes, 0, {}});
    }
    *result = function.get();
    if (function->ours != nullptr || function->candles != nullptr) return SUCCESS;
    fprintf(stderr, "the driver on the processor has no kernel %s\n", name);
    return NOT_FOUND;
}
Result cuFuncSetAttribute(void*, int, int) { return SUCCESS; }
Result cuLaunchKernel(void* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void*, void** arguments, void**) {
    LOCK_AND_CAPTURE;
    auto& function = *static_cast<Function*>(f);
    const dim3 grid{gx, gy, gz}, block{bx, by, bz};
    if (d.captured == nullptr) {
        d.totals.launches++;
        return launch(function, grid, block, shared, arguments);
    }
    std::vector<std::vector<char>> values;
    for (size_t i = 0; i < function.sizes.size(); i++) {
        const char* value = static_cast<const char*>(arguments[i]);
        values.emplace_back(value, value + function.sizes[i]);
    }
    return now_or_captured([=, &function]() mutable {
        std::vector<void*> pointers;
        for (auto& value : values) pointers.push_back(value.data());
        return launch(function, grid, block, shared, pointers.data());
    });
}

// Graphs: what one stream did, in order.
Result cuStreamIsCapturing(void*, int* status) { LOCK; *status = d.captured != nullptr; return SUCCESS; }
Result cuStreamBeginCapture_v2(void*, int) {
    LOCK;
    if (d.captured != nullptr) return 901;
    d.captured = new Graph;
    return SUCCESS;
}
Result cuStreamEndCapture(void*, void** graph) {
    LOCK;
    if (d.captured == nullptr) return 901;
    Graph* captured = d.captured;
    d.captured = nullptr;
    // What it leaves behind would be the program's to free, once.
    if (!captured->own.empty()) fprintf(stderr, "%zu tensors outlive the graph that they were made in\n", captured->own.size());
    if (!captured->valid || !captured->own.empty()) {
        delete captured;
        *graph = nullptr;
        return CAPTURE_INVALIDATED;
    }
    *graph = captured;
    return SUCCESS;
}
Result cuStreamSynchronize(void*) {
    LOCK;
    if (d.captured == nullptr) return SUCCESS;
    d.captured->valid = false;
    return NOT_WHILE_CAPTURED;
}
Result cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) { *executable = graph; return SUCCESS; }
Result cuGraphUpload(void*, void*) { return SUCCESS; }
Result cuGraphLaunch(void* executable, void*) {
    LOCK;
    d.totals.replays++;
    d.replaying = true;
    Result result = SUCCESS;
    for (auto& node : static_cast<Graph*>(executable)->nodes) {
        if (result == SUCCESS) result = node();
    }
    d.replaying = false;
    return result;
}
Result cuGraphExecDestroy(void*) { return SUCCESS; }  // the same object as the graph
Result cuGraphDestroy(void* graph) { LOCK; delete static_cast<Graph*>(graph); return SUCCESS; }

Result cuGetErrorName(int error, const char** text) {
    *text = error == NOT_FOUND ? "CUDA_ERROR_NOT_FOUND" : error == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED" : "CUDA_ERROR";
    return SUCCESS;
}
Result cuGetErrorString(int error, const char** text) {
    *text = error == NOT_FOUND ? "named symbol not found" : error == LAUNCH_FAILED ? "a kernel did what it must not" : "not in the driver on the processor";
    return SUCCESS;
}

Result cublasCreate_v2(void** handle) { *handle = reinterpret_cast<void*>(0x50); return SUCCESS; }
Result cublasDestroy_v2(void*) { return SUCCESS; }
Result cublasSetStream_v2(void*, void*) { return SUCCESS; }
Result cublasSetWorkspace_v2(void*, void*, size_t) { return SUCCESS; }
Result cublasSetMathMode(void*, int) { return SUCCESS; }
Result cublasGemmStridedBatchedEx(void*, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, int type, int lda, long long sa,
                                  const void* b, int type_b, int ldb, long long sb, const void* beta, void* c, int type_c, int ldc, long long sc,
                                  int count, int, int) {
    LOCK;
    if (type != type_b || type != type_c || type > 1) return 15;
    if (type == 0) return products<float>(ta, tb, m, n, k, *static_cast<const float*>(alpha), a, lda, sa, b, ldb, sb, *static_cast<const float*>(beta), c, ldc, sc, count);
    return products<double>(ta, tb, m, n, k, *static_cast<const double*>(alpha), a, lda, sa, b, ldb, sb, *static_cast<const double*>(beta), c, ldc, sc, count);
}
Result cublasSgemmStridedBatched(void*, int ta, int tb, int m, int n, int k, const float* alpha, const float* a, int lda, long long sa, const float* b,
                                 int ldb, long long sb, const float* beta, float* c, int ldc, long long sc, int count) {
    LOCK;
    return products<float>(ta, tb, m, n, k, *alpha, a, lda, sa, b, ldb, sb, *beta, c, ldc, sc, count);
}
Result cublasDgemmStridedBatched(void*, int ta, int tb, int m, int n, int k, const double* alpha, const double* a, int lda, long long sa, const double* b,
                                 int ldb, long long sb, const double* beta, double* c, int ldc, long long sc, int count) {
    LOCK;
    return products<double>(ta, tb, m, n, k, *alpha, a, lda, sa, b, ldb, sb, *beta, c, ldc, sc, count);
}
Result curandCreateGenerator(void** generator, int) { *generator = reinterpret_cast<void*>(0x60); return SUCCESS; }
Result curandDestroyGenerator(void*) { return SUCCESS; }
Result curandSetPseudoRandomGeneratorSeed(void*, unsigned long long) { return SUCCESS; }
Result curandSetStream(void*, void*) { return SUCCESS; }
}
