//! Option kinds (IANA "TCP Option Kind Numbers").
//!
//! ```
//! use tcpexposure_core::wire::options::{Item, Options, kind};
//! let mut items = Options::new(&[2, 4, 5, 0xb4]).iter();
//! assert_eq!(items.next(), Some(Item::Option { kind: kind::MAXIMUM_SEGMENT_SIZE, data: &[5, 0xb4] }));
//! ```

/// End of option list (RFC 9293, section 3.1).
pub const END: u8 = 0;
/// No operation (RFC 9293, section 3.1).
pub const NOP: u8 = 1;
/// Maximum segment size (RFC 9293, section 3.7.1).
pub const MAXIMUM_SEGMENT_SIZE: u8 = 2;
/// Window scale (RFC 7323, section 2).
pub const WINDOW_SCALE: u8 = 3;
/// Selective acknowledgement permitted (RFC 2018, section 2).
pub const SACK_PERMITTED: u8 = 4;
/// Selective acknowledgement (RFC 2018, section 3).
pub const SACK: u8 = 5;
/// Timestamps (RFC 7323, section 3).
pub const TIMESTAMPS: u8 = 8;
/// MD5 signature (RFC 2385).
pub const MD5: u8 = 19;
/// Quick-start response (RFC 4782).
pub const QUICK_START: u8 = 27;
/// User timeout (RFC 5482).
pub const USER_TIMEOUT: u8 = 28;
/// TCP authentication option (RFC 5925).
pub const AUTHENTICATION: u8 = 29;
/// Multipath TCP (RFC 8684).
pub const MPTCP: u8 = 30;
/// Fast open cookie (RFC 7413).
pub const FAST_OPEN: u8 = 34;
/// Encryption negotiation (RFC 8547).
pub const ENCRYPTION_NEGOTIATION: u8 = 69;
/// Accurate ECN, order 0 (RFC 9768).
pub const ACC_ECN_0: u8 = 172;
/// Accurate ECN, order 1 (RFC 9768).
pub const ACC_ECN_1: u8 = 174;
/// First kind for experiments (RFC 4727, RFC 6994).
pub const EXPERIMENT_1: u8 = 253;
/// Second kind for experiments (RFC 4727, RFC 6994).
pub const EXPERIMENT_2: u8 = 254;
