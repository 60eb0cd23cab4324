//! Where on the path a packet is changed: copies of it with a rising time to live.
//!
//! Every router that counts a copy down to nothing sends back an ICMP error that quotes the copy as
//! it arrived there. [`differences`] compares a quote with what was sent, field by field, and says
//! of each field whether the quote is long enough to know. [`locate`] says between which two hops a
//! field was changed, or what is not known.
//!
//! * [`Trace`] sends one copy at a time, from a SYN on or inside an established connection, and
//!   tries again slowly where a router limits the rate of its errors.
//! * A translated address shows in no quote: who translates the packet translates the quote back.
//! * A box that answers in the host's place ends the trace early, as the host does.
//!
//! ```
//! use tcpexposure_core::trace::{End, Field, Fields, Hop, Place, Reply, locate};
//! use tcpexposure_core::wire::icmp::Objects;
//! let hop = |ttl, changed| Hop {
//!     ttl,
//!     tries: 1,
//!     reply: Reply::Quote {
//!         from: [198, 51, 100, ttl].into(),
//!         length: 60,
//!         known: Fields::ALL,
//!         changed,
//!     },
//!     objects: Objects::NONE,
//! };
//! let hops = [hop(1, Fields::NONE), hop(2, Fields::NONE), hop(3, Field::Options.into())];
//! let end = |ttl| End { ttl, address: Some([198, 51, 100, ttl].into()) };
//! assert_eq!(locate(&hops, Field::Options), Place::Between(Some(end(2)), end(3)));
//! assert_eq!(locate(&hops, Field::Window), Place::Behind(Some(end(3))));
//! ```

mod compare;
mod engine;
mod place;

pub use compare::{Field, Fields, differences};
pub use engine::{Config, Event, Hop, Reply, Trace};
pub use place::{End, Place, Reason, locate, locate_loss, part};
