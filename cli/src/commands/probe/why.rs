//! `probe why ADDR`: whether an address is probed, and which line decides it.

use std::net::IpAddr;

use serde_json::json;

use super::arguments::{Selected, Selection};
use crate::{
    exit::{Exit, Failure},
    output::Output,
};

/// Tell whether an address would be probed, and which line of which file decides
#[derive(Debug, clap::Args)]
pub(crate) struct Why {
    /// The address in question
    address: IpAddr,
    #[command(flatten)]
    selection: Selection,
}

/// What was decided, and where.
struct Decision {
    probed: bool,
    /// The place and the entry, if a line decides.
    line: Option<(String, String)>,
}

impl Why {
    pub(super) fn run(&self, output: &mut Output) -> Result<Exit, Failure> {
        let decision = self.decide(&self.selection.read()?);
        let address = self.address;
        let exit = if decision.probed { Exit::Done } else { Exit::Interfered };
        if output.json {
            let (place, entry) = decision.line.unzip();
            output.object(&json!({
                "type": "why",
                "address": address.to_string(),
                "probed": decision.probed,
                "place": place,
                "entry": entry,
            }))?;
            return Ok(exit);
        }
        output.line(&match (decision.probed, decision.line) {
            (true, Some((place, entry))) => {
                format!("{address} is probed: {place} says {entry}, and nothing blocks it")
            }
            (true, None) => format!("{address} is probed: no list says anything of it"),
            (false, Some((place, entry))) => {
                format!("{address} is not probed: {place} blocks {entry}")
            }
            (false, None) => {
                format!("{address} is not probed: it is not among the targets")
            }
        })?;
        Ok(exit)
    }

    fn decide(&self, selected: &Selected) -> Decision {
        let find = |list: &super::lists::List| {
            list.find(self.address).map(|line| (list.place(line), line.entry.to_string()))
        };
        if let Some(line) = selected.blocked.iter().find_map(find) {
            return Decision { probed: false, line: Some(line) };
        }
        let line = selected.allowed.iter().find_map(find);
        let unlimited = selected.allowed.iter().all(|list| list.lines.is_empty());
        Decision { probed: line.is_some() || unlimited, line }
    }
}
