//! TCP options without loss (RFC 9293, section 3.2).
//!
//! [`Options`] iterates over [`Item`]s. Every byte of the block is in exactly one item: an unknown
//! kind is an item, a length that cannot be ends the walk with one item that keeps the raw rest,
//! and bytes after the end-of-list option are kept. [`Writer`] mirrors it, so that reading a block
//! and writing its items gives the same bytes, for every block.
//!
//! ```
//! use tcpexposure_core::wire::options::{Item, Options, Writer};
//! let block = [2, 4, 5, 0xb4, 1, 253, 4, 0xaa, 0xbb, 254, 0, 9];
//! let mut copy = [0; 40];
//! let mut writer = Writer::new(&mut copy);
//! for item in Options::new(&block) {
//!     writer.push(item).unwrap();
//! }
//! assert_eq!(writer.finish(), block);
//! assert!(Options::new(&block).iter().any(|item| matches!(item, Item::Malformed { rest: [254, 0, 9] })));
//! ```

pub mod classic;
mod item;
pub mod kind;
pub mod mptcp;
pub mod view;

pub use item::{Item, Items, Options, Visit};
pub use view::View;
pub use writer::{Overflow, Writer};

mod writer;

/// The most bytes of options that a TCP header can hold.
pub const MAX_LENGTH: usize = 40;
