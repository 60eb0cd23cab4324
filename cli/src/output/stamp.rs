//! Time stamps as tcpdump prints them.

use std::io::{self, Write};

use jiff::{Timestamp, tz::TimeZone};

/// How a packet's time is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The local time of day.
    Clock,
    /// Not at all (`-t`).
    None,
    /// Seconds since the Unix epoch (`-tt`).
    Epoch,
    /// The time since the packet before (`-ttt`).
    Delta,
    /// Local date and time of day (`-tttt`).
    Date,
    /// The time since the first packet (`-ttttt`).
    Since,
}

impl Style {
    /// Tells the style by how often `-t` was given.
    pub(crate) fn of(count: u8) -> Self {
        match count {
            0 => Self::Clock,
            1 => Self::None,
            2 => Self::Epoch,
            3 => Self::Delta,
            4 => Self::Date,
            _ => Self::Since,
        }
    }
}

/// A printer of time stamps, which remembers what it compares with.
#[derive(Debug)]
pub(crate) struct Stamps {
    style: Style,
    zone: TimeZone,
    /// The local offset in seconds, and the quarter of an hour (since the epoch) that it is for:
    /// no zone changes its offset within one.
    offset: Option<(i64, i64)>,
    /// The second that was printed last, and the time of day in it.
    second: (u64, [u8; 16]),
    reference: Option<u64>,
}

impl Stamps {
    pub(crate) fn new(style: Style) -> Self {
        Self { style, zone: TimeZone::system(), offset: None, second: NEVER, reference: None }
    }

    /// Prints a time in nanoseconds since the epoch, and a space behind it.
    pub(crate) fn print(&mut self, nanos: u64, out: &mut impl Write) -> io::Result<()> {
        let micros = nanos / 1000;
        match self.style {
            Style::None => Ok(()),
            Style::Epoch => {
                let mut text = *b"0000000000.000000 ";
                let seconds = micros / 1_000_000;
                if seconds > 9_999_999_999 {
                    return write!(out, "{seconds}.{:06} ", micros % 1_000_000);
                }
                digits(&mut text[11..17], micros % 1_000_000);
                digits(&mut text[..10], seconds);
                let zeroes = text[..9].iter().take_while(|digit| **digit == b'0').count();
                out.write_all(&text[zeroes..])
            }
            Style::Delta | Style::Since => {
                let reference = self.reference.unwrap_or(micros);
                if self.style == Style::Delta || self.reference.is_none() {
                    self.reference = Some(micros);
                }
                let sign = if micros < reference { b'-' } else { b' ' };
                out.write_all(&[sign])?;
                let span = micros.abs_diff(reference);
                let hours = span / 3_600_000_000;
                if hours > 99 {
                    let (minutes, seconds) = (span / 60_000_000 % 60, span / 1_000_000 % 60);
                    let fraction = span % 1_000_000;
                    return write!(out, "{hours}:{minutes:02}:{seconds:02}.{fraction:06} ");
                }
                out.write_all(&clock(hours, span))
            }
            Style::Clock => {
                let (second, micro) = (micros / 1_000_000, micros % 1_000_000);
                if self.second.0 != second {
                    let local = self.local(micros);
                    self.second = (second, clock(local / 3_600_000_000 % 24, local));
                }
                digits(&mut self.second.1[9..15], micro);
                out.write_all(&self.second.1)
            }
            Style::Date => {
                let local = self.local(micros);
                let seconds = i64::try_from(local / 1_000_000).unwrap_or_default();
                let date = Timestamp::from_second(seconds).unwrap_or_default();
                let date = TimeZone::UTC.to_datetime(date).date();
                write!(out, "{:04}-{:02}-{:02} ", date.year(), date.month(), date.day())?;
                out.write_all(&clock(local / 3_600_000_000 % 24, local))
            }
        }
    }

    /// Tells the local time as microseconds since a local epoch.
    fn local(&mut self, micros: u64) -> u64 {
        let seconds = i64::try_from(micros / 1_000_000).unwrap_or_default();
        let quarter = seconds / 900;
        let offset = match self.offset {
            Some((known, offset)) if known == quarter => offset,
            _ => {
                let time = Timestamp::from_second(seconds).unwrap_or_default();
                let offset = i64::from(self.zone.to_offset(time).seconds());
                self.offset = Some((quarter, offset));
                offset
            }
        };
        micros.saturating_add_signed(offset * 1_000_000)
    }
}

/// No second at all.
const NEVER: (u64, [u8; 16]) = (u64::MAX, [0; 16]);

/// Writes hours, and the minutes, seconds and microseconds of `micros`.
fn clock(hours: u64, micros: u64) -> [u8; 16] {
    let mut text = *b"00:00:00.000000 ";
    digits(&mut text[..2], hours);
    digits(&mut text[3..5], micros / 60_000_000 % 60);
    digits(&mut text[6..8], micros / 1_000_000 % 60);
    digits(&mut text[9..15], micros % 1_000_000);
    text
}

/// Writes a number with leading zeroes.
fn digits(field: &mut [u8], mut number: u64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}
