//! The ways to the wire that a run can take.

use std::{fmt, str::FromStr};

use tcpexposure_sim::Setup;

/// A way to the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The best that the interface can do.
    Auto,
    /// Raw IP sockets.
    Raw,
    /// A packet socket, many packets a call.
    Packet,
    /// A ring shared with the kernel.
    Ring,
    /// AF_XDP.
    Xdp,
    /// A generator in the kernel.
    XdpLive,
    /// A simulated path, by its description.
    Sim(String),
}

impl FromStr for Way {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        if name == "sim" {
            rest.parse::<Setup>().map_err(|error| error.to_string())?;
            return Ok(Self::Sim(rest.to_owned()));
        }
        if !rest.is_empty() {
            return Err(format!("{name} takes nothing after a colon"));
        }
        let found = NAMES.iter().find(|(_, known)| *known == name);
        found.map(|(way, _)| way.clone()).ok_or_else(|| {
            format!("{text:?} is no backend: auto, raw, packet, ring, xdp, xdp-live and sim are")
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim(description) if description.is_empty() => out.write_str("sim"),
            Self::Sim(description) => write!(out, "sim:{description}"),
            way => {
                let name = NAMES.iter().find(|(known, _)| known == way);
                out.write_str(name.map_or("", |(_, name)| name))
            }
        }
    }
}

const NAMES: &[(Way, &str)] = &[
    (Way::Auto, "auto"),
    (Way::Raw, "raw"),
    (Way::Packet, "packet"),
    (Way::Ring, "ring"),
    (Way::Xdp, "xdp"),
    (Way::XdpLive, "xdp-live"),
];
