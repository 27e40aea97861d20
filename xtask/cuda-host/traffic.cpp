#include "traffic.hpp"

#ifndef COUNT_TRAFFIC
void traffic::allocated(const void*, size_t) {}
void traffic::freed(const void*) {}
void traffic::begin(Traffic*) {}
void traffic::end() {}
#else
#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "block_order.hpp"

namespace {
constexpr uintptr_t SECTOR = 32;
constexpr size_t KEPT = (128 << 10) / SECTOR;
struct Counter {
    std::map<uintptr_t, size_t> memory;
    Traffic* of = nullptr;
    unsigned long block = ~0ul;
    std::unordered_set<uintptr_t> kept;  // by this block, with the kind of access in the lowest bit
    std::deque<uintptr_t> order;
    std::unordered_set<uintptr_t> touched;
};
Counter& counter() { static Counter it; return it; }

void access(const void* place, size_t bytes, bool writes) {
    auto& c = counter();
    if (c.of == nullptr) return;
    const auto first = uintptr_t(place);
    auto after = c.memory.upper_bound(first);
    if (after == c.memory.begin() || first >= std::prev(after)->first + std::prev(after)->second) return;  // not the device's
    if (c.block != host_cuda_block()) c.block = host_cuda_block(), c.kept.clear(), c.order.clear();
    for (uintptr_t sector = first / SECTOR; sector <= (first + bytes - 1) / SECTOR; sector++) {
        const uintptr_t key = sector * 2 + writes;
        if (c.touched.insert(key).second) c.of->touched += SECTOR;
        if (!c.kept.insert(key).second) continue;
        c.of->moved += SECTOR;
        c.order.push_back(key);
        if (c.order.size() > KEPT) c.kept.erase(c.order.front()), c.order.pop_front();
    }
}
}  // namespace

void traffic::allocated(const void* place, size_t bytes) { counter().memory[uintptr_t(place)] = bytes; }
void traffic::freed(const void* place) { counter().memory.erase(uintptr_t(place)); }
void traffic::begin(Traffic* of) {
    auto& c = counter();
    c.of = of, c.block = ~0ul;
    c.touched.clear();
}
void traffic::end() { counter().of = nullptr; }

// What -fsanitize=thread calls. Its own runtime is not linked.
extern "C" {
#define ACCESS(bytes)                                                                       \
    void __tsan_read##bytes(void* p) { access(p, bytes, false); }                           \
    void __tsan_write##bytes(void* p) { access(p, bytes, true); }                           \
    void __tsan_volatile_read##bytes(void* p) { access(p, bytes, false); }                  \
    void __tsan_volatile_write##bytes(void* p) { access(p, bytes, true); }                  \
    void __tsan_unaligned_read##bytes(void* p) { access(p, bytes, false); }                 \
    void __tsan_unaligned_write##bytes(void* p) { access(p, bytes, true); }
ACCESS(1) ACCESS(2) ACCESS(4) ACCESS(8) ACCESS(16)
void __tsan_read_range(void* p, size_t bytes) { access(p, bytes, false); }
void __tsan_write_range(void* p, size_t bytes) { access(p, bytes, true); }
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
}
#endif
