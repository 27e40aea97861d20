// One launch for up to MOST_TENSORS tensors. Blocks stand in a row over all of them, each with CHUNK elements of one: see
// `Many` of Rust.
#pragma once
#include "kernel.cuh"

constexpr u32 MOST_TENSORS = 64, CHUNK = 1024;

// `sizes` are numbers of elements, `chunks` of blocks up to and with each tensor.
struct Batch {
    u32 tensors;
    u32 sizes[MOST_TENSORS];
    u32 chunks[MOST_TENSORS];

    HOST_DEVICE u32 first_chunk(u32 tensor) const { return tensor > 0 ? chunks[tensor - 1] : 0; }
    // The tensor of a block, and which of its elements the block has.
    HOST_DEVICE u32 tensor_of(u32 block, u32& from, u32& to) const {
        u32 tensor = 0;
        while (block >= chunks[tensor]) tensor++;
        from = (block - first_chunk(tensor)) * CHUNK;
        to = min(from + CHUNK, sizes[tensor]);
        return tensor;
    }
};
struct Tensors { Real* at[MOST_TENSORS]; };
