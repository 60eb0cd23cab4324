//! What `print` reads: captures and text.

pub(crate) mod hex;
