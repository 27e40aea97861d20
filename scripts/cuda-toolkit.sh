#!/usr/bin/env bash
# Puts a CUDA toolkit from PyPI into a folder, for building with `--features cuda` on a machine that has neither a
# toolkit nor a GPU, and prints the environment for the build. Needs Python with venv, and a C compiler.
#
#     scripts/cuda-toolkit.sh ~/cuda > ~/cuda.env && source ~/cuda.env
#     cargo build --release -p msr-bench --features cuda
#
# With `compiler` as a second word, what compiles kernels alone: a quarter of it.
#
# The binary finds the real libraries at run time, on the machine with the GPU: the driver's own folder, and
# `nvidia/cu13/lib` of the wheels (which PyTorch brings, too) or `lib64` of a toolkit must be on LD_LIBRARY_PATH. Here,
# LD_LIBRARY_PATH=$CUDA_HOME/lib64:$CUDA_HOME/lib64/stubs starts it, and it says that there is no device.
#
# Version 13.0 of the compiler: code of a newer one is refused by drivers of the 580 series. Compute capability 8.0 runs
# on every card from the A100 on; 9.0 would be taken for 9.0a, which only Hopper cards run.
set -euo pipefail
folder=$(mkdir -p "${1:?name a folder}" && cd "$1" && pwd)

packages=('nvidia-cuda-nvcc==13.0.*' 'nvidia-nvvm==13.0.*' 'nvidia-cuda-crt==13.0.*' 'nvidia-cuda-runtime==13.0.*')
if [ "${2:-all}" != compiler ]; then
    packages+=('nvidia-cuda-nvrtc==13.0.*' 'nvidia-cuda-cccl==13.0.*' 'nvidia-cublas>=13.0,<13.2' 'nvidia-curand<10.5')
fi
python3 -m venv "$folder/python" >&2
"$folder/python/bin/pip" install --quiet "${packages[@]}" >&2
wheels=$(echo "$folder"/python/lib/python3*/site-packages/nvidia/cu13)

home=$folder/home
mkdir -p "$home/lib64/stubs"
for part in bin include nvvm; do ln -sfn "$wheels/$part" "$home/$part"; done
# The wheels carry libX.so.N alone; linkers look for libX.so.
for library in "$wheels"/lib/*.so.*; do
    name=$(basename "$library")
    ln -sfn "$library" "$home/lib64/$name"
    ln -sfn "$library" "$home/lib64/${name%%.so.*}.so"
done
# The driver's library exists only where there is a GPU. A stand-in with every name of its header, so that the linker
# finds what it needs and keeps the library; all of them answer 100, CUDA_ERROR_NO_DEVICE.
{ grep -oE '\bcu[A-Z]\w*' "$home/include/cuda.h" || true; } | sort -u | sed 's/.*/int &(void) { return 100; }/' |
    cc -w -shared -fPIC -x c -Wl,-soname,libcuda.so.1 -o "$home/lib64/stubs/libcuda.so" -
ln -sfn libcuda.so "$home/lib64/stubs/libcuda.so.1"

cat <<ENV
export CUDA_HOME=$home CUDA_PATH=$home CUDA_ROOT=$home CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80}
export PATH=$home/bin:\$PATH
export LIBRARY_PATH=$home/lib64:$home/lib64/stubs
ENV
