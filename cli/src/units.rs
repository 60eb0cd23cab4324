//! Numbers with units, as they stand on the command line.

use std::time::Duration;

/// Reads a time: `500us`, `20ms`, `1.5s`, `2m`, `1h`; a plain number is seconds.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        unit => return Err(format!("{unit:?} is no unit of time: us, ms, s, m and h are")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("{digits:?} is no number"))?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| format!("{text:?} is out of range"))
}

/// Reads a rate: `200`, `20k`, `1.5M`, `1G` a second.
pub(crate) fn rate(text: &str) -> Result<u32, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        unit => return Err(format!("{unit:?} is no unit of a rate: k, M and G are")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("{digits:?} is no number"))?;
    let rate = number * factor;
    let range = 1.0..=f64::from(u32::MAX);
    // The range is checked first, so that the conversion keeps the number.
    let whole = range.contains(&rate).then(|| format!("{rate:.0}").parse().ok()).flatten();
    whole.ok_or_else(|| format!("{text:?} is out of range"))
}

/// Reads a hardware address: six pairs of hexadecimal digits with colons between.
pub(crate) fn mac(text: &str) -> Result<[u8; 6], String> {
    let wrong = || format!("{text:?} is no hardware address, as in 02:00:00:00:00:01");
    let mut pairs = text.split(':').map(|pair| u8::from_str_radix(pair, 16));
    let mut address = [0; 6];
    for byte in &mut address {
        *byte = pairs.next().ok_or_else(wrong)?.map_err(|_| wrong())?;
    }
    if pairs.next().is_some() { Err(wrong()) } else { Ok(address) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, number) in
            [("7", 7), ("20k", 20_000), ("1.5M", 1_500_000), ("4G", 4_000_000_000)]
        {
            assert_eq!(rate(text), Ok(number), "{text}");
        }
        for text in ["", "0", "-1", "1K", "5G", "x", "nan"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, micros) in [
            ("1", 1_000_000),
            ("1.5s", 1_500_000),
            ("20ms", 20_000),
            ("500us", 500),
            ("2m", 120_000_000),
        ] {
            assert_eq!(time(text), Ok(Duration::from_micros(micros)), "{text}");
        }
        for text in ["", "ms", "-1", "1d", "1e400", "x"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
