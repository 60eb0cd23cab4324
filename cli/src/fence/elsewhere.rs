//! Systems other than Linux, where privileges are kept.

use super::Fence;
use crate::exit::Failure;

/// Tells that there is no fence.
pub(super) fn close(_: &Fence) -> Result<String, Failure> {
    Ok("this system has no fence that we know: privileges are kept".to_owned())
}
