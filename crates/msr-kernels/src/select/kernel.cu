#include "kernel.cuh"

namespace {
// Whether the condition, a number of `width` bytes, is not zero.
HOST_DEVICE bool holds(const u8* condition, u32 width, u32 at) {
    switch (width) {
        case 1: return condition[at] != 0;
        case 4: return reinterpret_cast<const u32*>(condition)[at] != 0;
        default: return reinterpret_cast<const u64*>(condition)[at] != 0;
    }
}
}  // namespace

// y[i] = a[i] where condition[i] is not zero, b[i] where it is: contiguous.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(select)(Real* y, const u8* condition, const Real* a, const Real* b, u32 width, u32 count) {
    for (u32 i = first_index(); i < count; i += all_threads()) y[i] = holds(condition, width, i) ? a[i] : b[i];
}
EXPORT(KERNEL(select))

// The same of views that are broadcast to one shape.
extern "C" __global__ void __launch_bounds__(256) KERNEL(select_view)(
    Real* y, const u8* condition, const Real* a, const Real* b, u32 width, u32 count, Strided<3> views) {
    for (u32 i = first_index(); i < count; i += all_threads()) {
        u32 at[3];
        views.places(i, at);
        y[i] = holds(condition, width, at[0]) ? a[at[1]] : b[at[2]];
    }
}
EXPORT(KERNEL(select_view))
