//! What is refused before and after an adaptation.

use candle_core::Tensor;
use msr_episodes::Examples;
use msr_kernels::is_finite;
use msr_layers::Values;

use crate::error::{Error, Result};

/// Refuses a support set that nothing can be learned from.
pub(crate) fn check_support(support: &Examples) -> Result<()> {
    support.check("support")?;
    let of_task = |t: &Tensor, what: &str| -> Result<()> {
        if t.dtype().is_int() || is_finite(t)? {
            return Ok(());
        }
        for task in 0..t.dims()[0] {
            if !is_finite(&t.narrow(0, task, 1)?)? {
                let problem = format!("its {what} hold NaN or infinite numbers; leave such examples out");
                return Err(Error::Adaptation { task, problem });
            }
        }
        Ok(())
    };
    of_task(&support.x, "inputs")?;
    of_task(support.y.tensor(), "targets")
}

/// Refuses parameters that an adaptation has driven to infinity.
pub(crate) fn check_adapted(values: &Values) -> Result<()> {
    for node in &values.adapted {
        if is_finite(node.value())? {
            continue;
        }
        for task in 0..node.dims().first().copied().unwrap_or(0) {
            if !is_finite(&node.value().narrow(0, task, 1)?)? {
                let problem =
                    "its parameters became NaN or infinite; the inner rates are too large for it".into();
                return Err(Error::Adaptation { task, problem });
            }
        }
    }
    Ok(())
}
