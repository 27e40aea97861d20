//! Files of tensors.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

use crate::error::{Error, Result};

/// Writes a file so that it is either the old one or the new one, whenever the machine stops: see
/// [`msr_files::write_atomic`], through which everything here is written.
///
/// # Errors
/// [`Error::Io`] and [`Error::Files`], both with the path.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(msr_files::write_atomic(path, bytes)?)
}

/// The tensors of a safetensors file, on `device`.
///
/// # Errors
/// [`Error::Format`] when it is none, or when a tensor is of a type that cannot be computed with:
/// the message names the tensor and the type.
pub fn read_tensors(bytes: &[u8], device: &Device) -> Result<BTreeMap<String, Tensor>> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|e| Error::format(format!("not a safetensors file, or a damaged one ({e})")))?;
    let mut views: Vec<_> = file.iter().collect();
    views.sort_by(|a, b| a.0.cmp(b.0));
    let tensor = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
        let Some(dtype) = dtype(view.dtype()) else {
            return Err(Error::format(format!(
                "the tensor `{name}` is of the type {:?}, with which nothing can be computed here; convert it to F32",
                view.dtype()
            )));
        };
        // In the order of the dimensions, as the tensor library multiplies them.
        if view.shape().iter().try_fold(1usize, |n, &d| n.checked_mul(d)).is_none()
            || view.shape().contains(&0)
        {
            return Err(Error::format(format!(
                "the tensor `{name}` has no entries: its shape is {:?}",
                view.shape()
            )));
        }
        let tensor = Tensor::from_raw_buffer(view.data(), dtype, view.shape(), device)?;
        Ok((name.to_string(), tensor))
    };
    views.into_iter().map(tensor).collect()
}

/// The types that the tensor library computes with. It has others, but converts F8_E4M3 to F64
/// without ever coming to an end, and of smaller ones it knows no more than their bytes.
fn dtype(dtype: Dtype) -> Option<DType> {
    Some(match dtype {
        Dtype::U8 => DType::U8,
        Dtype::U32 => DType::U32,
        Dtype::I16 => DType::I16,
        Dtype::I32 => DType::I32,
        Dtype::I64 => DType::I64,
        Dtype::BF16 => DType::BF16,
        Dtype::F16 => DType::F16,
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        _ => return None,
    })
}

/// All entries of a tensor as `f64`, row by row, wherever it is.
///
/// # Errors
/// What the tensor library reports.
pub fn entries(t: &Tensor) -> Result<Vec<f64>> {
    let t = t.to_device(&Device::Cpu)?;
    // The direct way from F8_E4M3 to F64 has no end.
    let t = if t.dtype() == DType::F8E4M3 { t.to_dtype(DType::F32)? } else { t };
    Ok(t.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::{entries, read_tensors};

    fn file(dtype: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{}]}}}}"#, data.len());
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    /// One number of this type, and the program hung for ever.
    #[test]
    fn eight_bit_floats_end() {
        let message = read_tensors(&file("F8_E4M3", "[1,1]", &[0]), &Device::Cpu).unwrap_err().to_string();
        assert!(
            message.contains("`w`") && message.contains("F8_E4M3") && message.contains("F32"),
            "{message}"
        );
        let numbers = Tensor::new(&[0f32, 1.0, -2.5, 448.0, 0.001953125], &Device::Cpu).unwrap();
        let small = numbers.to_dtype(DType::F8E4M3).unwrap();
        assert_eq!(entries(&small).unwrap(), [0.0, 1.0, -2.5, 448.0, 0.001953125]);
    }

    #[test]
    fn tensors_without_entries_are_refused() {
        for shape in ["[0,18446744073709551615]", "[0]", "[3,0,2]"] {
            let message = read_tensors(&file("F32", shape, &[]), &Device::Cpu).unwrap_err().to_string();
            assert!(message.contains("`w` has no entries"), "{message}");
        }
        assert!(read_tensors(&file("F32", "[18446744073709551615,2,0]", &[]), &Device::Cpu).is_err());
        assert_eq!(read_tensors(&file("F32", "[]", &[0, 0, 128, 63]), &Device::Cpu).unwrap().len(), 1);
    }
}
