#include "window.cuh"

// Planes are the channels of all images; taps and positions are numbered row by row.
namespace {
// A thread for so many neighbouring positions of a plane, which goes through the taps: what a block reads for one tap
// it has read for the others.
template <u32 EACH> HOST_DEVICE void gather(Real* y, const Real* x, u32 positions_of_all, const Window& of) {
    const u32 positions = of.oh * of.ow, packs = positions / EACH, taps = of.kh * of.kw;
    for (u32 n = first_index(); n < positions_of_all / EACH; n += all_threads()) {
        const u32 plane = n / packs, position = n % packs * EACH;
        u32 i = position / of.ow, j = position % of.ow;
        int top[EACH], left[EACH];
#pragma unroll
        for (u32 e = 0; e < EACH; e++) {
            top[e] = int(i * of.sh) - int(of.ph), left[e] = int(j * of.sw) - int(of.pw);
            if (++j == of.ow) j = 0, i++;
        }
        const Real* pixels = x + u64(plane) * (of.h * of.w);
        Real* to = y + u64(plane) * (taps * positions) + position;
        for (u32 u = 0; u < of.kh; u++) {
            for (u32 v = 0; v < of.kw; v++, to += positions) {
                Reals out;
#pragma unroll
                for (u32 e = 0; e < EACH; e++) {
                    const u32 row = top[e] + int(u), column = left[e] + int(v);
                    out.at[e] = row < of.h && column < of.w ? pixels[row * of.w + column] : Real(0);
                }
                if (EACH == PACK) *reinterpret_cast<Reals*>(to) = out;
                else *to = out.at[0];
            }
        }
    }
}
}  // namespace

// y[plane, (u, v), (i, j)] = x[plane, s i + u − p, s j + v − p], zero outside: `x (planes, h, w)`,
// `y (planes, taps, positions)`, of which there are `count = planes · positions`.
extern "C" __global__ void __launch_bounds__(256) KERNEL(im2col)(Real* y, const Real* x, u32 count, Window of) {
    if (of.oh * of.ow % PACK == 0) gather<PACK>(y, x, count, of);
    else gather<1>(y, x, count, of);
}
EXPORT(KERNEL(im2col))

// x[plane, y, x] = Σ_{u, v} columns[plane, (u, v), (y + p − u) / s, (x + p − v) / s] where that is a position: as above,
// with `count = planes · h · w`. In `double`, taps in their order.
extern "C" __global__ void __launch_bounds__(256)
    KERNEL(col2im)(Real* x, const Real* columns, u32 count, Window of) {
    const u32 positions = of.oh * of.ow, pixels = of.h * of.w;
    for (u32 n = first_index(); n < count; n += all_threads()) {
        const u32 plane = n / pixels, pixel = n % pixels;
        const u32 row = pixel / of.w + of.ph, column = pixel % of.w + of.pw;
        const Covering down(row, of.kh, of.sh, of.oh), across(column, of.kw, of.sw, of.ow);
        const Real* from = columns + u64(plane) * (of.kh * of.kw * positions);
        double sum = 0;
        for (u32 i = down.end; i-- > down.first;) {
            const u32 u = row - i * of.sh;
            for (u32 j = across.end; j-- > across.first;) {
                const u32 v = column - j * of.sw;
                sum += from[(u * of.kw + v) * positions + i * of.ow + j];
            }
        }
        x[n] = Real(sum);
    }
}
EXPORT(KERNEL(col2im))
