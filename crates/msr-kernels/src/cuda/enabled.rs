//! Launches on candle's own stream, through cudarc.
#![expect(unsafe_code, reason = "launches kernels, and asks cuBLAS for products")]

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Mutex, OnceLock, PoisonError};

use candle_core::cuda_backend::{CudaStorageSlice, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, DType, Device, Storage, Tensor};
use cudarc::cublas::result::gemm_strided_batched_ex;
use cudarc::cublas::sys::cublasComputeType_t::{CUBLAS_COMPUTE_32F_PEDANTIC, CUBLAS_COMPUTE_64F};
use cudarc::cublas::sys::cublasGemmAlgo_t::CUBLAS_GEMM_DFALT;
use cudarc::cublas::sys::cublasOperation_t::{CUBLAS_OP_N, CUBLAS_OP_T};
use cudarc::cublas::sys::cublasSetWorkspace_v2;
use cudarc::cublas::sys::cudaDataType_t::{CUDA_R_32F, CUDA_R_64F};
use cudarc::driver::{CudaFunction, CudaGraph, CudaStream, DevicePtr, DeviceRepr, result, sys};
use cudarc::nvrtc::Ptx;

use super::{Arg, Kernel, Matrices, Products, Shaped};
use crate::error::{Error, Result};

// `BINARIES`: the operations that have a kernel, with the machine code for `f32` and `f64`.
include!(concat!(env!("OUT_DIR"), "/binaries.rs"));

/// The bytes that cuBLAS may use while it computes: what NVIDIA recommends for Hopper.
const WORKSPACE: usize = 32 << 20;

/// The device of that number, always the same: with one stream for all threads of the host, on
/// which everything is in order, so that no events need to be recorded.
pub(crate) fn open(ordinal: usize) -> candle_core::Result<Device> {
    static OPEN: Mutex<Vec<(usize, CudaDevice)>> = Mutex::new(Vec::new());
    let mut all = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, device)) = all.iter().find(|(number, _)| *number == ordinal) {
        return Ok(Device::Cuda(device.clone()));
    }
    let device = made_ready(ordinal)?;
    all.push((ordinal, device.clone()));
    Ok(Device::Cuda(device))
}

fn made_ready(ordinal: usize) -> candle_core::Result<CudaDevice> {
    let device = CudaDevice::new_with_stream(ordinal)?;
    let stream = device.cuda_stream();
    // By default all freed memory goes back to the driver whenever the host waits.
    let mut keep = u64::MAX;
    // SAFETY: there is one stream. The pool is that of an open device, and the attribute has the
    // type of `keep`.
    unsafe {
        device.disable_event_tracking();
        let pool = result::device::get_default_mem_pool(stream.context().cu_device()).w()?;
        let threshold = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, threshold, std::ptr::from_mut(&mut keep).cast()).w()?;
    }
    // cuBLAS would allocate its own while it computes, also where a graph is recorded.
    // SAFETY: nothing reads what is not written; the memory stays as long as the program, as does
    // the handle that has its address.
    unsafe {
        let workspace = std::mem::ManuallyDrop::new(device.alloc::<u8>(WORKSPACE)?);
        let place = workspace.device_ptr(&stream).0 as *mut c_void;
        cublasSetWorkspace_v2(*device.cublas_handle().handle(), place, WORKSPACE).result().w()?;
    }
    Ok(device)
}

/// A CUDA graph, with the device that it belongs to.
pub(crate) struct Recorded {
    graph: Mutex<CudaGraph>,
    device: CudaDevice,
}

// SAFETY: a graph may be used by one thread at a time; that is what the lock is for. Its context is
// bound to the thread before each use.
unsafe impl Send for Recorded {}
// SAFETY: as above.
unsafe impl Sync for Recorded {}

impl std::fmt::Debug for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorded").field("device", &self.device).finish_non_exhaustive()
    }
}

impl Recorded {
    /// Runs the graph on the stream of its device.
    pub(crate) fn replay(&self) -> Result<()> {
        Ok(self.graph.lock().unwrap_or_else(PoisonError::into_inner).launch().w()?)
    }
}

/// Records what `work` launches, on this thread; with what `work` says.
///
/// # Errors
/// When recording cannot begin. The inner one: when it cannot end.
pub(crate) fn record<T>(device: &Device, work: impl FnOnce() -> T) -> Result<(Result<Recorded>, T)> {
    let device = device.as_cuda_device()?.clone();
    let stream = device.cuda_stream();
    // What would be uploaded meanwhile is an error then, and not a copy from where nothing is left.
    let _no_uploads = device.enable_cuda_graph_htod_cache();
    stream.synchronize().w()?;
    // A graph has memory of its own: what is unused elsewhere goes back.
    // SAFETY: the pool of an open device.
    unsafe {
        let pool = result::device::get_default_mem_pool(stream.context().cu_device()).w()?;
        result::mem_pool::trim_to(pool, 0).w()?;
    }
    stream.begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL).w()?;
    let capturing = Capturing(&stream);
    let done = work();
    // An error of what was dropped meanwhile would keep the recording from its end.
    let dropped = stream.context().check_err().w();
    let flags = sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
    let recorded = match dropped.and_then(|()| stream.end_capture(flags).w()) {
        Ok(Some(graph)) => Ok(Recorded { graph: Mutex::new(graph), device }),
        Ok(None) => Err(candle_core::Error::Msg("nothing was launched that could be recorded".into()).into()),
        Err(problem) => Err(problem.into()),
    };
    drop(capturing);
    Ok((recorded, done))
}

/// Ends a recording that has not ended, whatever became of it: a stream that goes on recording
/// computes nothing.
struct Capturing<'a>(&'a CudaStream);

impl Drop for Capturing<'_> {
    fn drop(&mut self) {
        let status = self.0.capture_status();
        if !matches!(status, Ok(sys::CUstreamCaptureStatus::CU_STREAM_CAPTURE_STATUS_NONE)) {
            // SAFETY: the stream of this recording. A graph that it leaves is of no use to anyone.
            if let Ok(graph) = unsafe { result::stream::end_capture(self.0.cu_stream()) }
                && !graph.is_null()
            {
                // SAFETY: the graph that was just made, and nobody else has.
                let _ = unsafe { result::graph::destroy(graph) };
            }
        }
        // What was dropped meanwhile has been told of already.
        let _ = self.0.context().check_err();
    }
}

/// A kernel of a number type; what was loaded once for a context stays.
fn function(device: &CudaDevice, kernel: Kernel, dtype: DType) -> candle_core::Result<CudaFunction> {
    type Loaded = HashMap<(usize, &'static str, DType), CudaFunction>;
    static LOADED: OnceLock<Mutex<Loaded>> = OnceLock::new();
    let stream = device.cuda_stream();
    let context = stream.context();
    let key = (context.cu_ctx() as usize, kernel.name, dtype);
    let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = loaded.get(&key) {
        return Ok(found.clone());
    }
    let missing = || candle_core::Error::Msg(format!("there is no kernel `{}` for {dtype:?}", kernel.name));
    let of_type = |binaries: &[&'static [u8]; 2]| match dtype {
        DType::F32 => Some(binaries[0]),
        DType::F64 => Some(binaries[1]),
        _ => None,
    };
    let found = BINARIES.iter().find(|(operation, _)| *operation == kernel.operation);
    let binary = found.and_then(|(_, binaries)| of_type(binaries)).ok_or_else(missing)?;
    let module = context.load_module(Ptx::from_binary(binary.to_vec())).w()?;
    let function = module.load_function(&format!("{}_{}", kernel.name, dtype.as_str())).w()?;
    loaded.insert(key, function.clone());
    Ok(function)
}

/// The address of a tensor's first element.
fn address(tensor: &Tensor, device: &Device, stream: &CudaStream) -> Result<sys::CUdeviceptr> {
    fn of<T: DeviceRepr>(slice: &cudarc::driver::CudaSlice<T>, at: usize, stream: &CudaStream) -> u64 {
        slice.device_ptr(stream).0 + (at * size_of::<T>()) as u64
    }
    if !tensor.device().same_device(device) {
        let (lhs, rhs) = (tensor.device().location(), device.location());
        return Err(candle_core::Error::DeviceMismatchBinaryOp { lhs, rhs, op: "launch" }.into());
    }
    let (storage, layout) = tensor.storage_and_layout();
    let at = layout.start_offset();
    match &*storage {
        Storage::Cuda(CudaStorage { slice: CudaStorageSlice::F32(s), .. }) => Ok(of(s, at, stream)),
        Storage::Cuda(CudaStorage { slice: CudaStorageSlice::F64(s), .. }) => Ok(of(s, at, stream)),
        Storage::Cuda(CudaStorage { slice: CudaStorageSlice::U32(s), .. }) => Ok(of(s, at, stream)),
        Storage::Cuda(CudaStorage { slice: CudaStorageSlice::I64(s), .. }) => Ok(of(s, at, stream)),
        Storage::Cuda(CudaStorage { slice: CudaStorageSlice::U8(s), .. }) => Ok(of(s, at, stream)),
        _ => Err(Error::Dtype {
            op: "launch",
            expected: "F32, F64, U32, I64 or U8".into(),
            got: tensor.dtype(),
        }),
    }
}

/// A tensor whose elements are still to be written.
fn empty(device: &CudaDevice, (shape, dtype): Shaped<'_>) -> Result<Tensor> {
    let n = shape.iter().product();
    let wrap = |slice| {
        let storage = Storage::Cuda(CudaStorage { slice, device: device.clone() });
        Tensor::from_storage(storage, shape, BackpropOp::none(), false)
    };
    // SAFETY: the caller's kernel writes every element.
    unsafe {
        Ok(wrap(match dtype {
            DType::F32 => CudaStorageSlice::F32(device.alloc(n)?),
            DType::F64 => CudaStorageSlice::F64(device.alloc(n)?),
            DType::U32 => CudaStorageSlice::U32(device.alloc(n)?),
            DType::U8 => CudaStorageSlice::U8(device.alloc(n)?),
            got => return Err(Error::Dtype { op: "launch", expected: "F32, F64, U32 or U8".into(), got }),
        }))
    }
}

/// Runs a kernel for numbers of `dtype`, and gives its results, which are contiguous.
///
/// # Errors
/// [`Error::Dtype`] and what the tensor library reports: a tensor that lies elsewhere, no memory.
///
/// # Safety
/// The arguments must be those of the kernel in `kernel.cu`, with tensors as large as it takes
/// them to be; and it must write every element of its results.
pub(crate) unsafe fn launch<const N: usize>(
    kernel: Kernel,
    device: &Device,
    dtype: DType,
    results: [Shaped<'_>; N],
    arguments: &[Arg<'_>],
) -> Result<[Tensor; N]> {
    let cuda = device.as_cuda_device()?;
    let stream = cuda.cuda_stream();
    let made = results.into_iter().map(|result| empty(cuda, result)).collect::<Result<Vec<_>>>()?;
    // What each argument is, and where; structures are where they were.
    let (mut words, mut starts) = (Vec::with_capacity(arguments.len()), Vec::with_capacity(arguments.len()));
    for argument in arguments {
        starts.push(words.len());
        match *argument {
            Arg::Result(number) => words.push(address(&made[number], device, &stream)?),
            Arg::Of(tensor) => words.push(address(tensor, device, &stream)?),
            Arg::Null => words.push(0),
            // The lower half of the word comes first in memory: CUDA runs on such hosts alone.
            Arg::Count(n) => words.push(u64::from(n)),
            Arg::Real(x) => words.push(x.to_bits()),
            Arg::Words(_) | Arg::Reals(_) => {}
            Arg::All(tensors, most) => {
                for tensor in tensors {
                    words.push(address(tensor, device, &stream)?);
                }
                words.resize(words.len() + most.saturating_sub(tensors.len()), 0);
            }
        }
    }
    let place = |(argument, &start): (&Arg<'_>, &usize)| match argument {
        Arg::Words(structure) => structure.as_ptr().cast_mut().cast::<c_void>(),
        Arg::Reals(structure) => structure.as_ptr().cast_mut().cast(),
        _ => words[start..].as_ptr().cast_mut().cast(),
    };
    let mut places: Vec<*mut c_void> = arguments.iter().zip(&starts).map(place).collect();
    let function = function(cuda, kernel, dtype)?;
    let [x, y, z] = kernel.grid.blocks;
    let block = (kernel.grid.threads, 1, 1);
    stream.context().bind_to_thread().w()?;
    // SAFETY: the caller's promise; `places` point to `words` and to borrowed structures.
    unsafe {
        let (of, stream) = (function.cu_function(), stream.cu_stream());
        result::launch_kernel(of, (x, y, z), block, kernel.grid.shared, stream, &mut places).w()?;
    }
    match made.try_into() {
        Ok(made) => Ok(made),
        // There are as many as were asked for.
        Err(made) => Err(Error::shape("launch", format!("{N} results"), &[made.len()])),
    }
}

/// Products by cuBLAS, without TensorFloat-32, into a new tensor of that shape.
///
/// # Errors
/// As [`launch`].
///
/// # Safety
/// The matrices must lie inside the operands and the result, which is as large as the products
/// write, once each.
pub(crate) unsafe fn products(shape: &[usize], [a, b]: [&Tensor; 2], all: &[Products]) -> Result<Tensor> {
    let (device, dtype) = (a.device(), a.dtype());
    let cuda = device.as_cuda_device()?;
    let stream = cuda.cuda_stream();
    let (kind, compute, width) = match dtype {
        DType::F32 => (CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC, 4),
        DType::F64 => (CUDA_R_64F, CUBLAS_COMPUTE_64F, 8),
        got => return Err(Error::Dtype { op: "matmul", expected: "F32 or F64".into(), got }),
    };
    let result = empty(cuda, (shape, dtype))?;
    let [a, b, c] = [a, b, &result].map(|t| address(t, device, &stream));
    let (a, b, c) = (a?, b?, c?);
    let (one, zero) = ((1f32, 1f64), (0f32, 0f64));
    let scalar = |x: &(f32, f64)| -> *const c_void {
        if width == 4 { std::ptr::from_ref(&x.0).cast() } else { std::ptr::from_ref(&x.1).cast() }
    };
    let at = |start: u64, of: Matrices| start + (of.start * width) as u64;
    let op = |of: Matrices| if of.transposed { CUBLAS_OP_T } else { CUBLAS_OP_N };
    let int = |n: usize| i32::try_from(n).map_err(|_| Error::Size { op: "matmul", shape: shape.to_vec() });
    let handle = cuda.cublas_handle();
    for p in all {
        // In the order of columns, which is cuBLAS's, these are the transposes: Cᵀ = Bᵀ Aᵀ.
        // SAFETY: the caller's promise; the scalars have the type that is computed in.
        unsafe {
            gemm_strided_batched_ex(
                *handle.handle(),
                op(p.b),
                op(p.a),
                int(p.n)?,
                int(p.m)?,
                int(p.k)?,
                scalar(&one),
                at(b, p.b) as *const c_void,
                kind,
                int(p.b.leading)?,
                p.b.distance as i64,
                at(a, p.a) as *const c_void,
                kind,
                int(p.a.leading)?,
                p.a.distance as i64,
                scalar(&zero),
                at(c, p.c) as *mut c_void,
                kind,
                int(p.c.leading)?,
                p.c.distance as i64,
                int(p.batch)?,
                compute,
                CUBLAS_GEMM_DFALT,
            )
            .w()?;
        }
    }
    Ok(result)
}
