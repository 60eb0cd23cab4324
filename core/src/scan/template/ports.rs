//! The source ports of a probe.

use core::num::NonZero;

/// The source ports of a probe: every so-manieth from a first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    first: u16,
    step: NonZero<u16>,
    /// 1 to 65,536.
    count: u32,
}

impl Ports {
    /// Takes one port.
    #[must_use]
    pub const fn one(port: u16) -> Self {
        Self { first: port, step: NonZero::<u16>::MIN, count: 1 }
    }

    /// Takes the ports from `first` to `last`; `None` when they are in the wrong order.
    #[must_use]
    pub fn range(first: u16, last: u16) -> Option<Self> {
        let count = u32::from(last.checked_sub(first)?).saturating_add(1);
        Some(Self { first, step: NonZero::<u16>::MIN, count })
    }

    /// Takes every `variants`th port from the `variant`th, so that an answer's port tells the
    /// probe; all of them if there are fewer ports than variants.
    #[must_use]
    pub fn share(self, variant: u16, variants: u16) -> Self {
        let Some(step) = NonZero::new(variants).filter(|step| u32::from(step.get()) <= self.count)
        else {
            return self;
        };
        let left = self.count.saturating_sub(variant.into());
        let count = left.div_ceil(step.get().into());
        let first = self.first.saturating_add(variant.saturating_mul(self.step.get()));
        let step = NonZero::new(self.step.get().saturating_mul(step.get())).unwrap_or(step);
        Self { first, step, count }
    }

    /// Tells the lowest port.
    #[must_use]
    pub const fn first(&self) -> u16 {
        self.first
    }

    /// Tells the distance from one port to the next.
    #[must_use]
    pub const fn step(&self) -> u16 {
        self.step.get()
    }

    /// Tells how many ports there are, 1 to 65,536.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Tells whether `port` is among them.
    #[inline]
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        port.checked_sub(self.first).is_some_and(|distance| {
            distance % self.step == 0 && u32::from(distance / self.step) < self.count
        })
    }

    /// Picks a port by 32 evenly spread bits: the first, and so many steps as the upper half of
    /// their product with the count says.
    #[inline]
    #[must_use]
    pub fn pick(&self, bits: u32) -> u16 {
        let steps = scale(bits, self.count.into());
        let distance = steps.wrapping_mul(u64::from(self.step.get()));
        let [a, b, ..] = distance.to_le_bytes();
        self.first.wrapping_add(u16::from_le_bytes([a, b]))
    }
}

/// Scales 32 evenly spread bits to `0..span`.
#[inline]
pub(super) fn scale(bits: u32, span: u64) -> u64 {
    u64::from(bits).wrapping_mul(span) >> 32
}
