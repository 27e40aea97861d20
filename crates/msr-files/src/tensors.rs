//! Safetensors as arrays.

use safetensors::tensor::Dtype;
use safetensors::{SafeTensors, View};

use crate::element::{Element, Encoding};
use crate::error::{Error, Result};

/// The types that are read here.
pub(crate) fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::U8,
        Dtype::I8 => Element::I8,
        Dtype::U16 => Element::U16,
        Dtype::I16 => Element::I16,
        Dtype::U32 => Element::U32,
        Dtype::I32 => Element::I32,
        Dtype::U64 => Element::U64,
        Dtype::I64 => Element::I64,
        Dtype::F8_E4M3 => Element::F8E4M3,
        Dtype::F8_E5M2 => Element::F8E5M2,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        _ => return None,
    })
}

/// Reads the header of a safetensors file.
pub(crate) fn open(bytes: &[u8]) -> Result<SafeTensors<'_>> {
    SafeTensors::deserialize(bytes)
        .map_err(|e| Error::format(format!("not a safetensors file, or a damaged one ({e})")))
}

/// The numbers of a tensor, each exactly.
pub(crate) fn numbers(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f64>> {
    let Ok(view) = tensors.tensor(name) else {
        let mut found: Vec<String> = tensors.names().into_iter().map(String::from).collect();
        found.sort();
        return Err(Error::Missing { array: name.into(), found });
    };
    let Some(element) = element(View::dtype(&view)) else {
        return Err(Error::unsupported(
            name,
            format!(
                "its elements are {:?}; floats, integers and booleans are read, convert it with tensor.to",
                View::dtype(&view)
            ),
        ));
    };
    Encoding::little(element).to_f64(view.data()).map_err(|unfit| Error::Inexact {
        array: name.into(),
        index: unfit.index,
        value: unfit.value,
        wanted: unfit.wanted,
    })
}
