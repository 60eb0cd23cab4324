//! Ports as people list them: `80,443,8000-8010`.

use std::str::FromStr;

use rangemap::RangeInclusiveSet;

/// Ports, each of them once, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports {
    set: RangeInclusiveSet<u16>,
    /// A part that was listed twice.
    pub(super) overlap: Option<String>,
}

impl Ports {
    /// Lists them.
    pub(super) fn list(&self) -> Vec<u16> {
        self.set.iter().flat_map(Clone::clone).collect()
    }
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut ports = Self::default();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number =
                |text: &str| text.trim().parse::<u16>().map_err(|_| format!("{text:?} is no port"));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(format!("{part} is empty: it ends before it begins"));
            }
            if ports.set.overlaps(&(first..=last)) {
                ports.overlap = Some(part.to_owned());
            }
            ports.set.insert(first..=last);
        }
        Ok(ports)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges() {
        let ports: Ports = "443,80,8000-8002".parse().unwrap();
        assert_eq!(ports.list(), [80, 443, 8000, 8001, 8002]);
        assert_eq!(ports.overlap, None);
        let twice: Ports = "80-90,85".parse().unwrap();
        assert_eq!((twice.list().len(), twice.overlap.as_deref()), (11, Some("85")));
        assert_eq!("0-65535".parse::<Ports>().unwrap().list().len(), 1 << 16);
        for text in ["", "x", "80,", "90-80", "65536", "1-2-3"] {
            assert!(text.parse::<Ports>().is_err(), "{text}");
        }
    }
}
