//! Numbers that bound a run, as they stand on the command line.

use std::str::FromStr;

/// Packets a second; none for as many as go.
pub(super) type Rate = Option<u32>;

/// Bits a second.
pub(super) type Bandwidth = u64;

/// A part of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Most {
    /// So many.
    Number(u64),
    /// So many of a hundred.
    Percent(f64),
}

/// A number of shards, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shard {
    /// A number alone.
    Number(u32),
    /// `I/N`, with I from 1: one of so many.
    Of(u32, u32),
}

impl Most {
    /// Tells how many of `whole` these are.
    pub(super) fn of(self, whole: u64) -> u64 {
        match self {
            Self::Number(number) => number.min(whole),
            // Precision is lost beyond 2^53 targets, where nobody counts them.
            Self::Percent(percent) => {
                let part = (whole as f64 * percent / 100.0).ceil();
                (part as u64).min(whole)
            }
        }
    }
}

impl FromStr for Most {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix('%') {
            Some(number) => percent(number).map(Self::Percent),
            None => whole(text, u64::MAX).map(Self::Number),
        }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no number"));
        match text.split_once('/') {
            None => number(text).map(Self::Number),
            Some((place, count)) => Ok(Self::Of(number(place)?, number(count)?)),
        }
    }
}

impl Shard {
    /// Tells which of how many shards is meant, from 0.
    pub(super) fn resolve(shards: Self, shard: Option<Self>) -> Result<(u32, u32), String> {
        let (place, count) = match (shards, shard) {
            (Self::Of(place, count), None) | (_, Some(Self::Of(place, count))) => {
                (place.checked_sub(1).ok_or("shards of the form I/N begin with 1")?, count)
            }
            (Self::Number(count), None) if count <= 1 => (0, count),
            (Self::Number(count), None) => {
                return Err(format!("there are {count} shards, and none is named"));
            }
            (Self::Number(count) | Self::Of(_, count), Some(Self::Number(place))) => (place, count),
        };
        Ok((place, count))
    }
}

/// Reads a rate: `200`, `1.5M`; 0 for as many as go.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let rate = whole(text, u32::MAX.into())?;
    Ok(u32::try_from(rate).ok().filter(|rate| *rate > 0))
}

/// Reads a bandwidth: `10M`, `1.5G`.
pub(super) fn bandwidth(text: &str) -> Result<Bandwidth, String> {
    let bits = whole(text, u64::MAX)?;
    if bits == 0 { Err("0 bits a second send nothing".to_owned()) } else { Ok(bits) }
}

/// Reads a part of a hundred.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    let range = 0.0..=100.0;
    if range.contains(&number) { Ok(number) } else { Err(format!("{text:?} is out of range")) }
}

/// Reads a number with a unit, rounded.
fn whole(text: &str, most: u64) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        unit => return Err(format!("{unit:?} is no unit of an amount: k, M and G are")),
    };
    let plain = digits.parse::<u64>().ok().filter(|_| factor == 1.0);
    let number = match plain {
        Some(number) => number,
        None => {
            let number: f64 = digits.parse().map_err(|_| format!("{digits:?} is no number"))?;
            let number = (number * factor).round();
            // Beyond 2^64 the conversion would not keep the number.
            let fits = (0.0..1.8e19).contains(&number);
            if fits { number as u64 } else { return Err(format!("{text:?} is out of range")) }
        }
    };
    if number <= most { Ok(number) } else { Err(format!("{text:?} is out of range")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_bandwidths() {
        assert_eq!(rate("0"), Ok(None));
        assert_eq!(rate("1.5M"), Ok(Some(1_500_000)));
        assert_eq!(bandwidth("10G"), Ok(10_000_000_000));
        for text in ["", "-1", "5G", "x", "nan", "1K"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert!(bandwidth("0").is_err());
    }

    #[test]
    fn parts() {
        assert_eq!("5k".parse::<Most>().unwrap().of(10), 10);
        assert_eq!("10%".parse::<Most>().unwrap().of(65_536), 6554);
        assert_eq!("18446744073709551615".parse(), Ok(Most::Number(u64::MAX)));
        assert!("101%".parse::<Most>().is_err());
    }

    #[test]
    fn shards_of_zmap_and_of_masscan() {
        let shard = |shards: &str, shard: Option<&str>| {
            Shard::resolve(shards.parse().unwrap(), shard.map(|text| text.parse().unwrap()))
        };
        assert_eq!(shard("1", None), Ok((0, 1)));
        assert_eq!(shard("3", Some("2")), Ok((2, 3)));
        assert_eq!(shard("1", Some("2/3")), Ok((1, 3)));
        assert_eq!(shard("3/3", None), Ok((2, 3)));
        for (shards, one) in [("3", None), ("0/3", None)] {
            assert!(shard(shards, one).is_err(), "{shards} {one:?}");
        }
    }
}
