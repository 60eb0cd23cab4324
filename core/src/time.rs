//! Time as an argument: nanoseconds since an epoch that the caller chooses.
//!
//! ```
//! use core::time::Duration;
//! use tcpexposure_core::time::Instant;
//! let begun = Instant::from_nanos(7);
//! let later = begun.after(Duration::from_micros(2));
//! assert_eq!(later.since(begun), Duration::from_nanos(2000));
//! assert!(later < Instant::NEVER);
//! ```

use core::time::Duration;

/// A point on the caller's clock, in nanoseconds since an epoch of the caller's choice.
///
/// Core never reads a clock. A link on a real wire counts from the Unix epoch, a simulated one
/// from the start of the simulation. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);
    /// A point that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// Makes the point `nanos` nanoseconds after the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Tells the nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Tells the point `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Tells how long ago `earlier` was; zero if it has not been yet.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
