//! The text notation of a path: `nat,strip-options,delay=50ms,loss=10%,seed=7`.

use std::{fmt, str::FromStr, time::Duration};

use crate::{Middlebox, Wire, boxes};

/// A path that was described: boxes, the nearest to the initiator first, wires and seed.
#[derive(Debug)]
pub struct Setup {
    /// The boxes.
    pub boxes: Vec<Box<dyn Middlebox>>,
    /// What the wires between them do.
    pub wire: Wire,
    /// Where the random source starts.
    pub seed: u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self { boxes: Vec::new(), wire: Wire::default(), seed: 1 }
    }
}

/// Why a path could not be made of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// There is no such box.
    Box {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        near: Option<&'static str>,
    },
    /// There is no such parameter.
    Parameter {
        /// What was asked for.
        name: String,
        /// What was probably meant.
        near: Option<&'static str>,
    },
    /// The parameter does not take this value.
    Value {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let near = match self {
            Self::Box { name, near } => {
                write!(out, "no box is called {name}")?;
                near
            }
            Self::Parameter { name, near } => {
                write!(out, "a simulated path has no {name}")?;
                near
            }
            Self::Value { name, value, takes } => {
                return write!(out, "{name} takes {takes}, not {value}");
            }
        };
        near.map_or(Ok(()), |near| write!(out, "; {near} is"))
    }
}

impl std::error::Error for SetupError {}

impl FromStr for Setup {
    type Err = SetupError;

    /// Reads a list of boxes and parameters, with commas between them, in any order. Nothing at
    /// all is a clean path.
    fn from_str(text: &str) -> Result<Self, SetupError> {
        let mut setup = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((name, value)) => setup.set(name.trim(), value.trim())?,
                None => setup.boxes.push(make(part)?),
            }
        }
        Ok(setup)
    }
}

impl Setup {
    fn set(&mut self, name: &str, value: &str) -> Result<(), SetupError> {
        let Some(parameter) = PARAMETERS.iter().find(|parameter| parameter.name == name) else {
            let near = nearest(name, PARAMETERS.iter().map(|parameter| parameter.name));
            return Err(SetupError::Parameter { name: name.to_owned(), near });
        };
        (parameter.set)(self, value).ok_or_else(|| SetupError::Value {
            name: parameter.name,
            value: value.to_owned(),
            takes: parameter.takes,
        })
    }
}

/// Lists the parameters of a path: name, what it takes, what it does.
pub fn parameters() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    PARAMETERS.iter().map(|parameter| (parameter.name, parameter.takes, parameter.does))
}

/// A parameter of a path.
struct Parameter {
    name: &'static str,
    takes: &'static str,
    does: &'static str,
    set: fn(&mut Setup, &str) -> Option<()>,
}

fn make(name: &str) -> Result<Box<dyn Middlebox>, SetupError> {
    boxes::by_name(name).ok_or_else(|| {
        let near = nearest(name, boxes::catalogue().iter().map(|row| row.name));
        SetupError::Box { name: name.to_owned(), near }
    })
}

/// Finds the name that is most like the given one, if one is like it at all.
fn nearest(name: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let likeness = |other: &str| strsim::jaro_winkler(name, other);
    let alike = names.map(|other| (likeness(other), other)).filter(|(likeness, _)| *likeness > 0.8);
    alike.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
}

/// Reads a chance in a million: `10%`, `0.5%` or `0.1`.
fn chance(text: &str) -> Option<u32> {
    let (number, unit) =
        text.strip_suffix('%').map_or((text, 1_000_000.0), |number| (number, 10_000.0));
    let chance = number.trim().parse::<f64>().ok()? * unit;
    // The range is checked first, so that the conversion keeps the number.
    (0.0..=1_000_000.0).contains(&chance).then(|| format!("{chance:.0}").parse().ok())?
}

/// Reads a time with its unit: `50ms`, `1.5s`, `200us`; a plain number is seconds.
fn span(text: &str) -> Option<Duration> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("", 1.0)];
    let (number, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    Duration::try_from_secs_f64(number.trim().parse::<f64>().ok()? * unit).ok()
}

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "delay",
        takes: "a time, as in 50ms",
        does: "The time that a packet takes from end to end, one way.",
        set: |setup, value| span(value).map(|span| setup.wire.delay = span),
    },
    Parameter {
        name: "loss",
        takes: "a chance, as in 10%",
        does: "The chance that a packet is lost.",
        set: |setup, value| chance(value).map(|chance| setup.wire.loss = chance),
    },
    Parameter {
        name: "dup",
        takes: "a chance, as in 1%",
        does: "The chance that a packet comes twice.",
        set: |setup, value| chance(value).map(|chance| setup.wire.duplication = chance),
    },
    Parameter {
        name: "reorder",
        takes: "a chance, as in 1%",
        does: "The chance that a packet takes twice its time, and a millisecond more at least.",
        set: |setup, value| chance(value).map(|chance| setup.wire.reordering = chance),
    },
    Parameter {
        name: "mtu",
        takes: "a number of bytes",
        does: "The largest packet that passes; longer ones are lost.",
        set: |setup, value| value.parse().ok().map(|mtu| setup.wire.mtu = mtu),
    },
    Parameter {
        name: "seed",
        takes: "a number",
        does: "Where the random source starts: the same seed gives the same run.",
        set: |setup, value| value.parse().ok().map(|seed| setup.seed = seed),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_parameters_in_any_order() {
        let setup: Setup =
            "nat, delay=50ms,strip-options,loss=10%,dup=0.5%,reorder=0.01,mtu=1280,seed=7"
                .parse()
                .unwrap();
        assert_eq!(setup.boxes.len(), 2);
        assert_eq!(setup.seed, 7);
        let wire = Wire {
            delay: Duration::from_millis(50),
            loss: 100_000,
            duplication: 5_000,
            reordering: 10_000,
            mtu: 1280,
        };
        assert_eq!(setup.wire, wire);
        assert!("".parse::<Setup>().unwrap().boxes.is_empty());
    }

    #[test]
    fn errors_tell_what_was_meant() {
        let errors = [
            ("strip-option", "no box is called strip-option; strip-options is"),
            ("split_tcp", "no box is called split_tcp; split-tcp is"),
            ("zzz", "no box is called zzz"),
            ("los=1%", "a simulated path has no los; loss is"),
            ("loss=101%", "loss takes a chance, as in 10%, not 101%"),
            ("loss=nan", "loss takes a chance, as in 10%, not nan"),
            ("delay=-1s", "delay takes a time, as in 50ms, not -1s"),
            ("delay=5x", "delay takes a time, as in 50ms, not 5x"),
            ("mtu=big", "mtu takes a number of bytes, not big"),
        ];
        for (text, error) in errors {
            assert_eq!(text.parse::<Setup>().unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn every_box_can_be_asked_for() {
        for row in boxes::catalogue() {
            assert_eq!(row.name.parse::<Setup>().unwrap().boxes.len(), 1, "{}", row.name);
        }
    }
}
