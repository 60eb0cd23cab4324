//! How long to wait: the retransmission timer (RFC 6298).

use core::time::Duration;

/// The round trip as measured so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timer {
    /// Smoothed round trip and its variation, once there is a measurement.
    measured: Option<(Duration, Duration)>,
}

impl Timer {
    /// Takes in a measurement of a segment that was sent once (RFC 6298, sections 2 and 3).
    pub(crate) fn sample(&mut self, rtt: Duration) {
        let Some((smooth, variation)) = self.measured else {
            self.measured = Some((rtt, rtt.checked_div(2).unwrap_or_default()));
            return;
        };
        let variation = variation
            .saturating_sub(quarter(variation))
            .saturating_add(quarter(smooth.abs_diff(rtt)));
        let smooth = smooth.saturating_sub(eighth(smooth)).saturating_add(eighth(rtt));
        self.measured = Some((smooth, variation));
    }

    /// Tells whether there is a measurement.
    pub(crate) const fn is_measured(&self) -> bool {
        self.measured.is_some()
    }

    /// Tells the retransmission timeout.
    pub(crate) fn timeout(&self) -> Duration {
        self.measured.map_or(INITIAL, |(smooth, variation)| {
            smooth.saturating_add(variation.saturating_mul(4)).clamp(LEAST, MOST)
        })
    }

    /// Tells how long to wait for what may follow a handshake; longer where the peer's window is
    /// `closed` and an update must come.
    pub(crate) fn settling(&self, closed: bool) -> Duration {
        match self.measured {
            Some((smooth, variation)) if !closed => {
                smooth.saturating_add(variation.saturating_mul(2)).clamp(SETTLE, MOST)
            }
            _ => self.timeout(),
        }
    }
}

fn quarter(span: Duration) -> Duration {
    span.checked_div(4).unwrap_or_default()
}

fn eighth(span: Duration) -> Duration {
    span.checked_div(8).unwrap_or_default()
}

/// The timeout before the first measurement.
const INITIAL: Duration = Duration::from_secs(1);
/// The shortest timeout. RFC 6298 asks for a second; the retries behind it make up for less.
const LEAST: Duration = Duration::from_millis(250);
/// The longest timeout.
const MOST: Duration = Duration::from_secs(4);
/// The shortest time to let a connection settle.
const SETTLE: Duration = Duration::from_millis(20);
