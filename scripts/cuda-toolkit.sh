#!/usr/bin/env bash
# Puts a CUDA toolkit from PyPI into a folder, for building with `--features cuda` on a machine that has neither a
# toolkit nor a GPU, and prints the environment for the build. Needs Python with venv, and a C compiler.
#
#     scripts/cuda-toolkit.sh ~/cuda > ~/cuda.env && source ~/cuda.env
#     cargo build --bin msr --features msr/cuda
#
# The binary finds the real libraries at run time, on the machine with the GPU. Version 13.0 of the compiler: code of a
# newer one is refused by drivers of the 580 series.
set -euo pipefail
folder=$(mkdir -p "${1:?name a folder}" && cd "$1" && pwd)

python3 -m venv "$folder/python" >&2
"$folder/python/bin/pip" install --quiet \
    'nvidia-cuda-nvcc==13.0.*' 'nvidia-nvvm==13.0.*' 'nvidia-cuda-crt==13.0.*' 'nvidia-cuda-runtime==13.0.*' \
    'nvidia-cuda-nvrtc==13.0.*' 'nvidia-cuda-cccl==13.0.*' 'nvidia-cublas>=13.0,<13.2' 'nvidia-curand<10.5' >&2
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
# The driver's library exists only where there is a GPU: an empty stand-in to link against.
echo '' | cc -shared -x c -Wl,-soname,libcuda.so.1 -o "$home/lib64/stubs/libcuda.so" -

cat <<ENV
export CUDA_HOME=$home CUDA_PATH=$home CUDA_ROOT=$home CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-90}
export PATH=$home/bin:\$PATH
export RUSTFLAGS="-L $home/lib64 -L $home/lib64/stubs -C link-arg=-Wl,--unresolved-symbols=ignore-all"
ENV
